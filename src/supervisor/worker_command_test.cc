#include "supervisor/worker_command.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "supervisor/env_file.h"
#include "supervisor/interpreter.h"
#include "supervisor/log_pump.h"

namespace trimaran {
namespace {

class Interpreter : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/trimaran-interpreter-XXXXXX";
    folder_ = ::mkdtemp(path);
    app_.directory = folder_;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string make_python(const std::string& environment) {
    std::string path = folder_ + "/" + environment + "/bin/python";
    std::filesystem::create_directories(folder_ + "/" + environment + "/bin");
    EXPECT_TRUE(write_file(path, "#!/bin/sh\n", 0755));
    return path;
  }

  std::string folder_;
  AppConfig app_;
};

TEST_F(Interpreter, TheExplicitOneThenTheFoldersOwnThenVirtualEnvThenTheSystems) {
  EXPECT_EQ(find_interpreter(app_, "").value(), "/usr/bin/python3");
  std::string active = make_python("elsewhere");
  EXPECT_EQ(find_interpreter(app_, folder_ + "/elsewhere").value(), active);
  std::string venv = make_python("venv");
  EXPECT_EQ(find_interpreter(app_, folder_ + "/elsewhere").value(), venv);
  std::string dot_venv = make_python(".venv");
  EXPECT_EQ(find_interpreter(app_, folder_ + "/elsewhere").value(), dot_venv);
  app_.interpreter = active;
  EXPECT_EQ(find_interpreter(app_, "").value(), active);
}

TEST_F(Interpreter, AMissingOneIsNamed) {
  app_.interpreter = "/opt/python9/bin/python";
  EXPECT_EQ(find_interpreter(app_, "").error().message,
            "the interpreter /opt/python9/bin/python ([app] interpreter) is not an executable file");
}

TEST_F(Interpreter, ABrokenVirtualEnvironmentIsNotReplacedByTheSystemsPython) {
  std::filesystem::create_directories(folder_ + "/.venv/bin");
  std::filesystem::create_symlink("/opt/python9/bin/python", folder_ + "/.venv/bin/python");
  auto found = find_interpreter(app_, "");
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find(folder_ + "/.venv is broken"), std::string::npos);
}

TEST(EnvFile, ReadsTheCommonForm) {
  auto values = parse_env_file("# secrets\n\nKEY=value\nexport QUOTED=\"a b\"\nSINGLE='x=y'\r\n EMPTY=\nKEY=last");
  ASSERT_TRUE(values);
  EXPECT_EQ(*values,
            (std::map<std::string, std::string>{{"KEY", "last"}, {"QUOTED", "a b"}, {"SINGLE", "x=y"}, {"EMPTY", ""}}));
}

TEST(EnvFile, NamesTheLineThatIsWrong) {
  EXPECT_EQ(parse_env_file("A=1\nno equals sign").error().message, "line 2 is not KEY=value");
  EXPECT_EQ(parse_env_file("1A=1").error().message, "line 1 is not KEY=value");
  EXPECT_FALSE(parse_env_file("=1"));
  EXPECT_FALSE(parse_env_file(std::string_view("A=\0", 3)));
}

// The supervisor stood still in open(2) when a worker was to start.
TEST_F(Interpreter, AnEnvFileThatIsAPipeIsAnErrorAndNoWait) {
  EventLoop loop;
  LogSink log(STDERR_FILENO);
  Runtime runtime{loop, log, "/nonexistent/trimaran", current_user(), std::nullopt};
  SiteConfig site;
  site.app = app_;
  site.app->env_files = {folder_ + "/pipe"};
  ASSERT_EQ(::mkfifo(site.app->env_files[0].c_str(), 0600), 0);
  auto environment = site_environment(runtime, site, "");
  ASSERT_FALSE(environment);
  EXPECT_EQ(environment.error().message, folder_ + "/pipe is no plain file");
}

}  // namespace
}  // namespace trimaran
