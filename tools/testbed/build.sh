# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Builds the product (release) from this tree.

BUILD_PACKAGES=(
    build-essential cmake ninja-build pkg-config libxen-dev
    libfdt-dev liblzma-dev zlib1g-dev libzstd-dev liblz4-dev
)
TEST_PACKAGES=(clang llvm libclang-rt-14-dev libcmocka-dev python3)

# build_product LOG: sets PRODUCT to the file that GRUB loads.
build_product() {
    local log=$1 products
    need_packages "$log" "${BUILD_PACKAGES[@]}"
    say "building Tenon"
    mkdir -p "$SOURCE_DIR/build"
    (
        flock 9
        [ -f "$SOURCE_DIR/build/release/build.ninja" ] ||
            quietly "$log" cmake -S "$SOURCE_DIR" -B "$SOURCE_DIR/build/release" -G Ninja \
                -DCMAKE_BUILD_TYPE=Release
        quietly "$log" ninja -C "$SOURCE_DIR/build/release"
    ) 9>"$SOURCE_DIR/build/lock" || exit
    products=("$SOURCE_DIR"/build/release/xen-tenon-*.gz)
    PRODUCT=${products[0]}
    [ -f "$PRODUCT" ] || die "the build left no build/release/xen-tenon-*.gz"
}
