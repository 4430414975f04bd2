// Replays a corpus through a fuzz target without libFuzzer, so g++ builds and the normal test run do it too. Each file
// is also fed cut off at every length up to kMaxCut: a parser meets half a message far more often than a mutator
// makes one. Every input gets a heap block of exactly its size, so that ASan sees a read one byte past the end.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kMaxCut = 256;  // enough for every fixed-size part of our formats; keeps a replay under a second

void feed(const std::vector<char>& bytes, size_t size) {
  auto exact = std::make_unique<uint8_t[]>(size);
  if (size > 0) std::memcpy(exact.get(), bytes.data(), size);
  LLVMFuzzerTestOneInput(exact.get(), size);
}

bool replay_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    return false;
  }
  std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
  std::fprintf(stderr, "%s (%zu bytes)\n", path.c_str(), bytes.size());
  for (size_t cut = 0; cut < bytes.size() && cut <= kMaxCut; cut++) feed(bytes, cut);
  feed(bytes, bytes.size());
  return true;
}

// The number of files replayed, or -1 when one could not be read.
int replay(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return replay_file(path) ? 1 : -1;
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path, error)) {
    if (!entry.is_regular_file()) continue;
    if (!replay_file(entry.path())) return -1;
    count++;
  }
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  int files = 0;
  for (int i = 1; i < argc; i++) {
    int count = replay(argv[i]);
    if (count < 0) return 1;
    files += count;
  }
  if (files == 0) {
    std::fprintf(stderr, "no input: a fuzz target needs a seed corpus\n");
    return 1;
  }
  std::fprintf(stderr, "%d files replayed\n", files);
  return 0;
}
