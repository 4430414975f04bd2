#include "pool/fastcgi_codec.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace trimaran::pool {
namespace {

using Kind = UpstreamCodec::Step::Kind;

std::string record(RecordType type, std::string_view content) {
  std::string out;
  append_records(out, type, content);
  return out;
}

std::string end_record(char protocol_status = 0) {
  return std::string("\1\3\0\1\0\10\0\0\0\0\0\0", 12) + protocol_status + std::string(3, '\0');
}

// The params and the stdin of a request, taken apart again.
struct Sent {
  std::map<std::string, std::string> params;
  std::string body;
  bool complete = false;
};

Sent read_request(std::string_view bytes) {
  Sent out;
  std::string params;
  auto byte = [](std::string_view s, size_t i) { return static_cast<unsigned char>(s[i]); };
  while (bytes.size() >= 8) {
    size_t length = static_cast<size_t>(byte(bytes, 4) << 8 | byte(bytes, 5)), padding = byte(bytes, 6);
    std::string_view content = bytes.substr(8, length);
    auto type = static_cast<RecordType>(bytes[1]);
    if (type == RecordType::params) params += content;
    if (type == RecordType::stdin_) {
      out.body += content;
      out.complete = length == 0;
    }
    bytes.remove_prefix(8 + length + padding);
  }
  std::string_view rest = params;
  auto take_length = [&] {
    size_t length = byte(rest, 0);
    size_t size = length < 128 ? 1 : 4;
    if (size == 4) length = (length & 0x7f) << 24 | byte(rest, 1) << 16 | byte(rest, 2) << 8 | byte(rest, 3);
    rest.remove_prefix(size);
    return length;
  };
  while (!rest.empty()) {
    size_t name = take_length(), value = take_length();
    out.params[std::string(rest.substr(0, name))] = rest.substr(name, value);
    rest.remove_prefix(name + value);
  }
  return out;
}

struct FastCgiTest : testing::Test {
  FastCgiTest() {
    char path[] = "/tmp/trimaran-php-XXXXXX";
    folder = ::mkdtemp(path);
    for (const char* file : {"index.php", "info.php", "photo.jpg", "blog/index.php", "plain/a.txt", ".hidden/x.php"}) {
      std::filesystem::create_directories(std::filesystem::path(folder + "/" + file).parent_path());
      std::ofstream(folder + "/" + file) << "<?php";
    }
    scripts.emplace(folder);
    codec.emplace(*scripts);
  }
  ~FastCgiTest() override { std::filesystem::remove_all(folder); }

  std::string start(worker::RequestHeadView head, uint8_t flags = worker::kEnd) {
    std::string out;
    codec->start(head, flags, out);
    return out;
  }
  // The response that the bytes make, in pieces of `step`.
  std::string answer(std::string_view bytes, size_t step) {
    worker::RequestHeadView get;
    get.method = "GET";
    get.path = "/";
    start(get);
    std::string out;
    size_t at = 0;
    for (size_t given = 0; given < bytes.size();) {
      given = std::min(given + step, bytes.size());
      for (;;) {
        auto s = codec->next(bytes.substr(at, given - at));
        at += s.consumed;
        if (s.kind == Kind::head) {
          out += std::to_string(codec->head().status);
          for (const auto& [name, value] : codec->head().headers)
            out += "|" + std::string(name) + "=" + std::string(value);
          out += "#";
        }
        if (s.kind == Kind::data) out += s.bytes;
        if (s.kind == Kind::log) out += "<" + std::string(s.bytes) + ">";
        if (s.kind == Kind::broken) return "broken: " + std::string(s.bytes);
        if (s.kind == Kind::end) return out + "$";
        if (s.kind == Kind::need_more) break;
      }
    }
    return out;
  }

  std::string folder;
  std::optional<PhpScripts> scripts;
  std::optional<FastCgiCodec> codec;
};

TEST_F(FastCgiTest, TheScriptOfAPathIsFoundAsWordPressAndLaravelExpect) {
  auto found = [this](std::string_view path) {
    PhpScript script = scripts->find(path);
    EXPECT_EQ(script.file, folder + script.name);
    return script.name + " " + script.path_info;
  };
  EXPECT_EQ(found("/"), "/index.php ");
  EXPECT_EQ(found("/info.php"), "/info.php ");
  EXPECT_EQ(found("/info.php/a%20b/c"), "/info.php /a b/c");
  EXPECT_EQ(found("/blog/"), "/blog/index.php ");
  EXPECT_EQ(found("/blog"), "/blog/index.php ");
  EXPECT_EQ(found("/2026/11/a-post"), "/index.php ");
  EXPECT_EQ(found("/missing.php"), "/index.php ");
  EXPECT_EQ(found("/plain/"), "/index.php ");
}

TEST_F(FastCgiTest, NothingThatIsNoScriptIsEverRun) {
  EXPECT_EQ(scripts->find("/photo.jpg").name, "/index.php");
  EXPECT_EQ(scripts->find("/photo.jpg/x.php").name, "/index.php");
  EXPECT_EQ(scripts->find("/.hidden/x.php").name, "/index.php");
  EXPECT_EQ(scripts->find("/../../etc/x.php").name, "/index.php");
  EXPECT_EQ(scripts->find("/info%2Ephp%00.jpg").name, "/index.php");
  EXPECT_EQ(scripts->find("/blog%2Findex.php").name, "/index.php");
  // A link that leads out of the folder, as Laravel's public/storage does.
  std::filesystem::create_directory_symlink("/tmp", folder + "/storage");
  std::string outside = "/tmp/trimaran-outside-" + std::to_string(::getpid()) + ".php";
  std::ofstream(outside) << "<?php";
  EXPECT_EQ(scripts->find("/storage" + outside.substr(4)).name, "/index.php");
  std::filesystem::remove(outside);
}

TEST_F(FastCgiTest, ARequestBecomesCgiVariables) {
  worker::RequestHeadView head;
  head.method = "POST";
  head.path = "/info.php/x";
  head.query = "a=1";
  head.protocol = "HTTP/1.1";
  head.scheme = "https";
  head.client_address = "192.0.2.1";
  head.server_name = "foobar.com";
  head.server_port = 443;
  head.content_length = 5;
  head.headers = {{"Host", "foobar.com"},
                  {"Content-Type", "text/plain"},
                  {"Cookie", "a=1"},
                  {"cookie", "b=2"},
                  {"Proxy", "evil"},
                  {"X_Forged", "1"},
                  {"X-Long", std::string_view(folder)}};
  std::string out = start(head, worker::kNoFlags);
  codec->body("hel", false, out);
  codec->body("lo", true, out);
  Sent sent = read_request(out);
  EXPECT_EQ(sent.params["SCRIPT_FILENAME"], folder + "/info.php");
  EXPECT_EQ(sent.params["SCRIPT_NAME"], "/info.php");
  EXPECT_EQ(sent.params["PATH_INFO"], "/x");
  EXPECT_EQ(sent.params["REQUEST_URI"], "/info.php/x?a=1");
  EXPECT_EQ(sent.params["DOCUMENT_ROOT"], folder);
  EXPECT_EQ(sent.params["QUERY_STRING"], "a=1");
  EXPECT_EQ(sent.params["CONTENT_LENGTH"], "5");
  EXPECT_EQ(sent.params["CONTENT_TYPE"], "text/plain");
  EXPECT_EQ(sent.params["HTTPS"], "on");
  EXPECT_EQ(sent.params["HTTP_COOKIE"], "a=1; b=2");
  EXPECT_EQ(sent.params.count("HTTP_PROXY") + sent.params.count("HTTP_X_FORGED"), 0u);
  EXPECT_EQ(sent.body, "hello");
  EXPECT_TRUE(sent.complete);
}

TEST_F(FastCgiTest, ABodyOfUnknownLengthIsCountedFirst) {
  worker::RequestHeadView head;
  head.method = "POST";
  head.path = "/";
  head.content_length = -1;
  std::string out = start(head, worker::kNoFlags);
  EXPECT_TRUE(codec->body("hello ", false, out));
  EXPECT_EQ(out, "");
  EXPECT_TRUE(codec->body("world", true, out));
  Sent sent = read_request(out);
  EXPECT_EQ(sent.params["CONTENT_LENGTH"], "11");
  EXPECT_EQ(sent.body, "hello world");
  start(head, worker::kNoFlags);
  EXPECT_FALSE(codec->body(std::string(FastCgiCodec::kUncountedBytesMax + 1, 'x'), false, out));
}

TEST_F(FastCgiTest, LongBodiesAreCutIntoRecords) {
  worker::RequestHeadView head;
  head.method = "POST";
  head.path = "/";
  head.content_length = 200'000;
  std::string out = start(head, worker::kNoFlags);
  codec->body(std::string(200'000, 'x'), true, out);
  EXPECT_EQ(read_request(out).body.size(), 200'000u);
}

TEST_F(FastCgiTest, AnAnswerIsReadWhateverThePiecesItComesIn) {
  std::string bytes = record(RecordType::stderr_, "PHP Notice") +
                      record(RecordType::stdout_, "Status: 404 Not Found\r\nContent-Ty") +
                      record(RecordType::stdout_, "pe: text/html\r\n\r\nbo") + record(RecordType::stdout_, "dy") +
                      std::string("\1\6\0\1\0\0\0\0", 8) + end_record();
  for (size_t step : {size_t{1}, size_t{3}, bytes.size()}) {
    std::string story = answer(bytes, step);
    EXPECT_TRUE(story.ends_with("404|Content-Type=text/html#body$")) << story;
    EXPECT_TRUE(codec->reusable());
  }
}

TEST_F(FastCgiTest, AnAnswerWithoutFieldsOrStatusIs200AndALocationIs302) {
  EXPECT_EQ(answer(record(RecordType::stdout_, "\r\nbare") + end_record(), 1), "200#bare$");
  EXPECT_EQ(answer(record(RecordType::stdout_, "Location: /a\r\n\r\n") + end_record(), 5), "302|Location=/a#$");
}

TEST_F(FastCgiTest, WhatIsNoFastCgiIsRefused) {
  EXPECT_TRUE(answer("HTTP/1.1 200 OK\r\n\r\n", 100).starts_with("broken"));
  EXPECT_TRUE(answer(end_record(), 100).starts_with("broken"));
  EXPECT_TRUE(answer(record(RecordType::stdout_, "Status: 99\r\n\r\n"), 100).starts_with("broken"));
  EXPECT_TRUE(answer(record(RecordType::stdout_, "A: b\x01\r\n\r\n"), 100).starts_with("broken"));
}

TEST_F(FastCgiTest, AnOverloadedApplicationIsNotAskedAgainOnThatConnection) {
  answer(record(RecordType::stdout_, "\r\n") + end_record(2), 100);
  EXPECT_FALSE(codec->reusable());
}

}  // namespace
}  // namespace trimaran::pool
