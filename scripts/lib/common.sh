# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# What scripts/build, scripts/test, scripts/demo and scripts/fetch-data share: install what is missing, find LibTorch, configure, build.
# Nothing is done twice: what is there already is neither fetched nor built again.
#
#   ALLOY_JOBS         compilers at a time, 2 unless set: each can take 1.5 GB
#   CMAKE_PREFIX_PATH  or Torch_DIR: a LibTorch of your own
#   PIP_INDEX_URL      or PIP_EXTRA_INDEX_URL, or pip's configuration: where pip fetches LibTorch from, if it has to

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit
mkdir -p build

torch_minimum=2.6
torch_pip=2.13.0

build_packages=(
  cmake ninja-build ccache g++ pkg-config python3 python3-venv
  zlib1g-dev libssl-dev libzip-dev nlohmann-json3-dev libfmt-dev libspdlog-dev libeigen3-dev libutf8proc-dev
  libjpeg62-turbo-dev libpng-dev libwebp-dev  # image files
  libsndfile1-dev libsoxr-dev                 # audio files
  libavformat-dev libavcodec-dev libswscale-dev libavutil-dev  # video files, in all presets but release and tsan
  libcli11-dev                                # the command line
  libbenchmark-dev                            # bench
)
test_packages=(catch2 librapidcheck-dev doxygen)
demo_packages=(dataset-fashion-mnist espeak-ng)  # the catalogue: photos, and the program that speaks
alignment_packages=(asterisk-core-sounds-en-wav mricron-data)  # examples of alignment: a human voice, a brain with its atlas
emoji_packages=(espeak-ng libsndfile1 libsoxr0)  # data of the emoji demo: the program that speaks; writing and resampling

step() { printf 'alloy: %s\n' "$*"; }
die() { printf 'alloy: %s\n' "$*" >&2; exit 1; }

# Installs the Debian packages among "$@" that are missing.
install_missing() {
  command -v dpkg-query >/dev/null || { step "no dpkg here; expecting what these Debian packages hold: $*"; return; }
  local present missing=() package
  present=" $(dpkg-query -W -f '${Package}:${db:Status-Status} ' "$@" 2>/dev/null || true)"
  for package in "$@"; do
    [[ $present == *" $package:installed "* ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  local as_root=()
  if ((EUID != 0)); then
    sudo -n true 2>/dev/null || die "packages are missing; run: sudo apt-get update && sudo apt-get install -y ${missing[*]}"
    as_root=(sudo -n)
  fi
  as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -q)
  local log=build/apt-get.log
  if [[ -z ${apt_lists_are_fresh:-} ]]; then
    step "updating the lists of Debian packages"
    "${as_root[@]}" update >"$log" 2>&1 || step "apt-get update failed (see $log), going on with the lists that are there"
    apt_lists_are_fresh=1
  fi
  step "installing ${missing[*]}"
  "${as_root[@]}" install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 || { cat "$log" >&2; die "apt-get failed, see $log"; }
}

# Whether a CMake package of LibTorch stands where the environment points.
torch_in_environment() {
  local folders folder
  IFS=: read -ra folders <<<"${CMAKE_PREFIX_PATH:-}"
  for folder in ${Torch_DIR:+"$Torch_DIR"} "${folders[@]}"; do
    [[ -e $folder/TorchConfig.cmake || -e $folder/Torch/TorchConfig.cmake ]] && return
    compgen -G "$folder/share/cmake/Torch/TorchConfig.cmake" >/dev/null && return
    compgen -G "$folder/lib*/cmake/Torch/TorchConfig.cmake" >/dev/null && return
  done
  return 1
}

# Whether the Python "$1" has a torch package that is new enough and can be built against; prints that Python.
torch_in_python() {
  command -v "$1" >/dev/null && "$1" - "$torch_minimum" 2>/dev/null <<'PYTHON'
import importlib.metadata, importlib.util, pathlib, re, sys
wanted = tuple(map(int, sys.argv[1].split(".")))
folder = pathlib.Path(importlib.util.find_spec("torch").submodule_search_locations[0])
found = tuple(map(int, re.match(r"(\d+)\.(\d+)", importlib.metadata.version("torch")).groups()))
if found < wanted or not (folder / "lib/libtorch_cpu.so").exists() or not (folder / "share/cmake/Torch").is_dir():
    sys.exit(1)
print(sys.executable)
PYTHON
}

# Whether Debian's own LibTorch is new enough, installed or not.
torch_in_debian() {
  command -v apt-cache >/dev/null || return 1
  local candidate
  candidate=$(LC_ALL=C apt-cache policy libtorch-dev 2>/dev/null | sed -n 's/^ *Candidate: //p')
  [[ -n $candidate && $candidate != "(none)" ]] && dpkg --compare-versions "$candidate" ge "$torch_minimum"
}

# Finds LibTorch, or fetches it. cmake/FindLibTorch.cmake looks in the same order.
provide_torch() {
  local python
  if torch_in_environment; then
    step "LibTorch: as the environment says"
  elif python=$(torch_in_python python3) || python=$(torch_in_python .deps/venv/bin/python); then
    step "LibTorch: the torch package of $python"
    cmake_options+=("-DPython3_EXECUTABLE=$python")
  elif torch_in_debian; then
    install_missing libtorch-dev libopenblas0-openmp  # alone, libtorch-dev brings the reference BLAS, which is many times slower
    step "LibTorch: Debian's libtorch-dev"
  else
    step "LibTorch: pip fetches torch $torch_pip into .deps/venv, from the index that pip is set to." \
      "(If that is a CUDA build of several GB: stop, point PIP_INDEX_URL to an index of CPU builds, or CMAKE_PREFIX_PATH to a LibTorch.)"
    [[ -x .deps/venv/bin/pip ]] || python3 -m venv .deps/venv
    .deps/venv/bin/python -m pip install --quiet --disable-pip-version-check "torch==$torch_pip" ||
      die "pip could not fetch torch $torch_pip. Point PIP_INDEX_URL or PIP_EXTRA_INDEX_URL to an index that has it, or CMAKE_PREFIX_PATH to an unpacked LibTorch"
    cmake_options+=("-DPython3_EXECUTABLE=$root/.deps/venv/bin/python")
  fi
}

# build_preset <preset>: into build/<preset>
build_preset() {
  local preset=$1 jobs=${ALLOY_JOBS:-2} log
  provide_torch
  if command -v ccache >/dev/null; then
    # without these ccache passes by every file that uses the precompiled header
    export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}
    cmake_options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  log=build/$preset.configure.log
  step "configuring build/$preset"
  cmake --preset "$preset" "${cmake_options[@]}" >"$log" 2>&1 || { cat "$log" >&2; die "cmake failed, see $log"; }
  step "building build/$preset, $jobs jobs"
  cmake --build "build/$preset" --parallel "$jobs"
}

cmake_options=()
