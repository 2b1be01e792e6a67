// SPDX-License-Identifier: Apache-2.0
#include <alloy/io/digest.hpp>

#include <alloy/io/file.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <openssl/evp.h>

namespace alloy {

namespace {

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
  }
  void add(const void* bytes, size_t count) { EVP_DigestUpdate(context_.get(), bytes, count); }
  std::string text() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
    std::string text;
    for (unsigned i = 0; i < size; ++i)
      for (const int shift : {4, 0}) text += "0123456789abcdef"[digest[i] >> shift & 15];
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string sha256(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes.data(), bytes.size());
  return hash.text();
}

std::string sha256_of_file(const std::filesystem::path& path) {
  const InputFile file(path);
  Sha256 hash;
  std::vector<std::byte> piece(std::min<uint64_t>(file.size(), 1u << 20));
  for (uint64_t offset = 0; offset < file.size(); offset += piece.size()) {
    piece.resize(std::min<uint64_t>(piece.size(), file.size() - offset));
    file.read(offset, piece);
    hash.add(piece.data(), piece.size());
  }
  return hash.text();
}

}  // namespace alloy
