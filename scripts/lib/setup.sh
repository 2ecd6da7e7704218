# Sourced by scripts/demo and scripts/test: installs what is missing on Debian 12 / Ubuntu 22.04+ and builds.
# Every package the project needs is listed here and nowhere else.

build_packages=(g++ cmake ninja-build pkg-config libprotobuf-dev protobuf-compiler libonnx-dev nlohmann-json3-dev
  libcli11-dev libhwloc-dev libminizip-dev zlib1g-dev nettle-dev libpng-dev libjpeg-dev libicu-dev libxxhash-dev)
# Only for scripts/package.
packaging_packages=(dpkg-dev file binutils xz-utils icu-devtools libudev-dev git python3 python3-dev python3-venv ca-certificates)
test_packages=(libgtest-dev libbenchmark-dev clang-format clang-tidy clang libclang-rt-dev python3-venv python3-dev nodejs npm gcc binutils dpkg-dev doxygen ca-certificates chromium fonts-dejavu-core)

say() { printf '\033[1m== %s\033[0m\n' "$*" >&2; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# install_missing PACKAGE...: apt packages that are not there yet, as root or through sudo.
install_missing() {
  command -v apt-get > /dev/null || die "this script installs packages with apt-get; on another system install by hand: $*"
  local missing=() package
  for package in "$@"; do
    # A tool that is on the PATH already serves as well as its package.
    case $package in nodejs) command -v node > /dev/null && continue ;; npm) command -v npm > /dev/null && continue ;; esac
    dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo > /dev/null || die "needs root (or sudo) to install: ${missing[*]}"
    sudo=(sudo)
  fi
  say "installing ${missing[*]}"
  "${sudo[@]}" apt-get update -qq || die "apt-get update failed"
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null \
    || die "apt-get could not install: ${missing[*]}"
}

# build PRESET [TARGET...]: configures and builds with all cores, output only where it matters.
build() {
  local preset=$1
  shift
  say "building $preset"
  cmake --preset "$preset" > /dev/null || die "cmake could not configure preset $preset"
  if [ $# -gt 0 ]; then cmake --build --preset "$preset" --target "$@"; else cmake --build --preset "$preset"; fi
}
