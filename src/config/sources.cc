// Reading the files of a configuration, and carrying their text to the children.
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "config/config.h"
#include "config/reader.h"
#include "os/fd.h"

namespace trimaran {
namespace {

constexpr size_t kMaxSiteFile = 1 << 20;   // a site file is written by hand
constexpr size_t kMaxZoneFile = 32 << 20;  // about 600,000 records
constexpr size_t kMaxBundle = 60 << 20;    // read_memfd() takes 64 MiB
constexpr size_t kMaxFiles = 2000;         // site files and zone files together
constexpr size_t kMaxInterfaces = 64;      // addresses; more make no sense in one answer
constexpr std::string_view kMagic = "trimaran sources 2\n";

void put_u64(std::string& out, uint64_t value) {
  for (int i = 0; i < 8; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

void put_text(std::string& out, std::string_view text) {
  put_u64(out, text.size());
  out += text;
}

// Takes what put_x wrote; after a first failure everything else fails too.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}

  uint64_t u64() {
    std::string_view raw = take(8);
    uint64_t value = 0;
    for (size_t i = 0; i < raw.size(); ++i) value |= static_cast<uint64_t>(static_cast<uint8_t>(raw[i])) << (8 * i);
    return value;
  }
  // A count or a flag: more than `max` is a failure.
  size_t up_to(size_t max) {
    uint64_t value = u64();
    if (value > max) failed_ = true;
    return failed_ ? 0 : static_cast<size_t>(value);
  }
  std::string text() { return std::string(take(u64())); }
  std::string_view take(uint64_t size) {
    if (size > rest_.size()) failed_ = true;
    if (failed_) return {};
    std::string_view out = rest_.substr(0, static_cast<size_t>(size));
    rest_.remove_prefix(out.size());
    return out;
  }
  bool failed() const { return failed_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

// A pipe is good for one reading only, and its open waits for a writer: nothing for a daemon.
enum class Pipe { refused, taken };

Result<SourceBundle::File> read_source(const std::string& path, size_t bytes_max, Pipe pipe = Pipe::refused) {
  // The time first: a file written in between gets a newer one at the next reload, never an older one.
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return errno_error("cannot read " + path);
  if (S_ISDIR(info.st_mode)) return make_error("cannot read " + path + ": it is a folder");
  if (S_ISFIFO(info.st_mode) && pipe == Pipe::refused) return make_error("cannot read " + path + ": it is a pipe");
  Result<std::string> text = read_file(path, bytes_max);
  if (!text) return std::unexpected(std::move(text.error()));
  return SourceBundle::File{path, std::move(*text), info.st_mtime, false};
}

// The string at [table] key of a document, made absolute; "" when there is none. parse_config() reports what is wrong.
std::string path_at(const SourceBundle::File& file, std::string_view table, std::string_view key) {
  TomlError ignored;
  std::optional<TomlValue> document = parse_toml(file.text, ignored);
  const TomlEntry* found = document ? document->find(table) : nullptr;
  if (found != nullptr) found = found->value.find(key);
  if (found == nullptr || found->value.text.empty()) return "";
  Diagnostics none;
  return FileScope(file.path, false, none).absolute(found->value.text);
}

// The *.toml in `folder`, sorted; hidden files are left out, as editors leave theirs there.
std::vector<std::string> site_files(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    if (!name.starts_with('.') && name.ends_with(".toml")) found.push_back(it->path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> interface_addresses() {
  std::vector<std::string> found;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return found;
  for (const ifaddrs* it = list; it != nullptr && found.size() < kMaxInterfaces; it = it->ifa_next) {
    if (it->ifa_addr == nullptr || (it->ifa_flags & IFF_LOOPBACK) != 0 || (it->ifa_flags & IFF_UP) == 0) continue;
    Address address;
    if (it->ifa_addr->sa_family == AF_INET) {
      auto* in = reinterpret_cast<const sockaddr_in*>(it->ifa_addr);
      if ((ntohl(in->sin_addr.s_addr) >> 16) == 0xa9fe) continue;  // 169.254/16 (RFC 3927)
      address.length = sizeof *in;
    } else if (it->ifa_addr->sa_family == AF_INET6) {
      auto* in6 = reinterpret_cast<const sockaddr_in6*>(it->ifa_addr);
      if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr)) continue;
      address.length = sizeof *in6;
    } else {
      continue;
    }
    std::copy_n(reinterpret_cast<const char*>(it->ifa_addr), address.length, reinterpret_cast<char*>(&address.storage));
    found.push_back(address.host());
  }
  freeifaddrs(list);
  return found;
}

Status add_sites(SourceBundle& bundle) {
  const SourceBundle::File& main_file = bundle.files.front();
  std::string folder = path_at(main_file, "server", "sites");
  if (folder.empty()) folder = (std::filesystem::path(main_file.path).parent_path() / "sites").string();
  std::vector<std::string> paths = site_files(folder);
  if (paths.size() > kMaxFiles / 2) return make_error(fmt::format("{} has more than {} sites", folder, kMaxFiles / 2));
  for (const std::string& path : paths) {
    Result<SourceBundle::File> file = read_source(path, kMaxSiteFile);
    if (!file) return std::unexpected(std::move(file.error()));
    bundle.files.push_back(std::move(*file));
  }
  return {};
}

Status add_zones(SourceBundle& bundle) {
  size_t bytes = 0;
  for (size_t i = 0, count = bundle.files.size(); i < count; ++i) {
    bytes += bundle.files[i].text.size();
    std::string path = path_at(bundle.files[i], "dns", "zone");
    if (path.empty() || bundle.find(path) != nullptr) continue;
    Result<SourceBundle::File> zone = read_source(path, kMaxZoneFile);
    if (!zone) continue;
    zone->is_zone = true;
    bytes += zone->text.size();
    bundle.files.push_back(std::move(*zone));
  }
  if (bytes <= kMaxBundle) return {};
  return make_error(fmt::format("the site files and zone files are larger than {} MiB together", kMaxBundle >> 20));
}

}  // namespace

const SourceBundle::File* SourceBundle::find(std::string_view path) const {
  for (const File& file : files) {
    if (file.path == path) return &file;
  }
  return nullptr;
}

void SourceBundle::note_awaited(const Config& config) {
  for (const SiteConfig& site : config.sites) {
    if (site.awaits_release) releases[site.domain] = "";
  }
}

int64_t SourceBundle::newest() const {
  int64_t newest = 0;
  for (const File& file : files) newest = std::max(newest, file.mtime);
  return newest;
}

void SourceBundle::follow(const SourceBundle& former) {
  bool same = interfaces == former.interfaces && releases == former.releases &&
              std::equal(files.begin(), files.end(), former.files.begin(), former.files.end(),
                         [](const File& a, const File& b) { return a.path == b.path && a.text == b.text; });
  files.front().mtime = std::max(files.front().mtime, former.newest() + (same ? 0 : 1));
}

std::string SourceBundle::encode() const {
  std::string out(kMagic);
  put_u64(out, as_root ? 1 : 0);
  put_u64(out, interfaces.size());
  for (const std::string& address : interfaces) put_text(out, address);
  put_u64(out, releases.size());
  for (const auto& [domain, folder] : releases) {
    put_text(out, domain);
    put_text(out, folder);
  }
  put_u64(out, files.size());
  for (const File& file : files) {
    put_text(out, file.path);
    put_text(out, file.text);
    put_u64(out, static_cast<uint64_t>(file.mtime));
    put_u64(out, file.is_zone ? 1 : 0);
  }
  return out;
}

Result<SourceBundle> SourceBundle::decode(std::string_view bytes) {
  Decoder in(bytes);
  SourceBundle out;
  out.look_at_files = false;
  if (in.take(kMagic.size()) != kMagic) return make_error("the bundle of site files has another version");
  out.as_root = in.up_to(1) == 1;
  for (size_t left = in.up_to(kMaxInterfaces); left > 0; --left) out.interfaces.push_back(in.text());
  for (size_t left = in.up_to(kMaxFiles); left > 0 && !in.failed(); --left) {
    std::string domain = in.text();
    out.releases.emplace(std::move(domain), in.text());
  }
  for (size_t left = in.up_to(kMaxFiles); left > 0 && !in.failed(); --left) {
    File file;
    file.path = in.text();
    file.text = in.text();
    file.mtime = static_cast<int64_t>(in.u64());
    file.is_zone = in.up_to(1) == 1;
    out.files.push_back(std::move(file));
  }
  if (in.failed() || !in.at_end() || out.files.empty() || out.files.front().is_zone) {
    return make_error("the bundle of site files is damaged");
  }
  return out;
}

Result<SourceBundle> read_sources(const std::string& file, bool as_root) {
  std::error_code error;
  std::string path = std::filesystem::absolute(file, error).lexically_normal().string();
  if (error) return make_error("cannot read " + file + ": " + error.message());
  Result<SourceBundle::File> main_file = read_source(path, kMaxSiteFile, Pipe::taken);
  if (!main_file) return std::unexpected(std::move(main_file.error()));
  SourceBundle bundle;
  bundle.as_root = as_root;
  bundle.interfaces = interface_addresses();
  bundle.files.push_back(std::move(*main_file));
  if (Status added = add_sites(bundle); !added) return std::unexpected(std::move(added.error()));
  if (Status added = add_zones(bundle); !added) return std::unexpected(std::move(added.error()));
  return bundle;
}

Result<SourceBundle> read_sources(const std::string& file) { return read_sources(file, geteuid() == 0); }

}  // namespace trimaran
