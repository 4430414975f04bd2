"""Each rule of tools/tidy, broken once and kept once."""
import importlib.machinery
import importlib.util
import tempfile
import unittest
from pathlib import Path

loader = importlib.machinery.SourceFileLoader("tidy", str(Path(__file__).with_name("tidy")))
tidy = importlib.util.module_from_spec(importlib.util.spec_from_loader("tidy", loader))
loader.exec_module(tidy)

HEADER = "// Why.\n#pragma once\n"


class TidyTest(unittest.TestCase):
    def breaches(self, files):
        """{(file, line, rule)} for a tree made of `files`: {path: text}."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text if isinstance(text, bytes) else text.encode())
            return {breach[:3] for breach in tidy.check(Path(folder))}

    def assert_clean(self, name, text):
        self.assertEqual(self.breaches({name: text}), set())

    def assert_breach(self, name, text, line, rule):
        self.assertEqual(self.breaches({name: text}), {(name, line, rule)})

    def test_arrows_point_down(self):
        self.assert_clean("src/os/x.h", HEADER + '#include "base/result.h"\n')
        self.assert_clean("src/front/x.h", HEADER + '#include "os/fd.h"\n#include "front/y.h"\n')  # os is below pool
        self.assert_breach("src/base/x.h", HEADER + '#include "os/fd.h"\n', 3, "arrows")
        self.assert_breach("src/http/x.h", HEADER + '#include "os/fd.h"\n', 3, "arrows")
        self.assert_breach("src/pool/x_test.cc", '#include "front/router.h"\n', 1, "arrows")

    def test_an_unknown_room_is_a_breach(self):
        self.assert_breach("src/attic/x.h", HEADER, 1, "arrows")
        self.assert_breach("src/os/x.h", HEADER + '#include "attic/x.h"\n', 3, "arrows")

    def test_main_may_include_every_room(self):
        self.assert_clean("src/main.cc", '// Why.\n#include "cli/cli.h"\n#include "front/role.h"\n')

    def test_public_headers_include_nothing_of_ours(self):
        self.assert_clean("include/trimaran/app.h", HEADER + '#include <string>\n#include "trimaran/request.h"\n')
        self.assert_breach("include/trimaran/app.h", HEADER + '#include "base/result.h"\n', 3, "arrows")
        self.assert_clean("src/host/x.cc", "// Why.\n#include <trimaran/app.h>\n")
        self.assert_breach("src/pool/x.cc", "// Why.\n#include <trimaran/app.h>\n", 2, "arrows")

    def test_the_table_of_rooms_has_no_cycle(self):
        for room, below in tidy.ROOMS.items():
            for other in below:
                self.assertNotIn(room, tidy.reachable(other), f"{room} and {other} stand on each other")

    def test_some_headers_have_one_home(self):
        for name, home, elsewhere in [
            ("openssl/ssl.h", "src/tls/x.h", "src/front/x.h"),
            ("sqlite3.h", "src/db/x.h", "src/front/x.h"),
            ("mysql/mysql.h", "src/host/x.h", "src/control/x.h"),
            ("toml++/toml.h", "src/config/x.cc", "src/config/x.h"),
            ("CLI/CLI.hpp", "src/cli/x.cc", "src/control/x.cc"),
            ("nlohmann/json.hpp", "src/control/x.cc", "src/control/x.h"),
            ("fmt/format.h", "src/os/x.cc", "src/os/x.h"),
            ("Python.h", "src/python/x.h", "src/worker/x.h"),
            ("gtest/gtest.h", "src/os/x_test.cc", "src/os/x.cc"),
            ("gtest/gtest.h", "src/os/testing.h", "src/os/x.h"),
        ]:
            with self.subTest(name):
                text = f"{HEADER}#include <{name}>\n"
                self.assert_clean(home, text)
                self.assert_breach(elsewhere, text, 3, "homes")
        self.assert_breach("src/base/x.cc", "// Why.\n#include <spdlog/spdlog.h>\n", 2, "homes")

    def test_files_have_at_most_600_lines(self):
        self.assert_clean("src/os/x.cc", "// Why.\n" + "\n" * 599)
        self.assert_breach("src/os/x.cc", "// Why.\n" + "\n" * 600, 601, "file-size")

    def test_functions_have_at_most_70_lines(self):
        for before, signature in [
            ("", "int f(int a = 1) {\n"),
            ("namespace a::b {\n", "int C::f() const noexcept {\n"),
            ("class C final : public B {\n public:\n", "  int f() override {\n"),
            ("", 'extern "C" int f() {\n'),
            ("", "template <class T = int>\nauto f(T t) -> int {\n"),
            ("", "bool operator==(const A& a, const A& b) {\n"),
            ("", "C::C() : a_{1}, b_(2) {\n"),
            ("", "C::C() : a_{1} {\n"),
            ("// {\n", "TEST(X, does_y) {\n"),
        ]:
            with self.subTest(signature):
                before = "// Why.\n" + before
                fits = signature + "  work();\n" * (69 - signature.count("\n")) + "}\n"
                self.assert_clean("src/os/x.cc", before + fits)
                self.assert_breach("src/os/x.cc", before + "\n" + fits.replace("}\n", "\n}\n"),
                                   before.count("\n") + 2, "function-size")

    def test_tables_and_scopes_are_not_functions(self):
        table = "constexpr Entry kTable[] = {\n" + "    {1, make('{', \"{(\")},\n" * 100 + "};\n"
        scope = "namespace a {\n" + "int x();  // {\n" * 100 + "}\n"
        kinds = "enum class Kind {\n" + "  a,\n" * 100 + "};\n"
        text = "struct S {\n  int a = 1'000'000;\n" + "  int b{2};\n" * 100 + "};\n"
        raw = 'const char* k = R"x({ " (' + "\n" * 100 + ')x";\n'
        self.assert_clean("src/os/x.cc", "// Why.\n" + table + scope + kinds + text + raw)

    def test_python_functions_too(self):
        self.assert_clean("bench/x.py", "# Why.\ndef f():\n" + "    work()\n" * 69)
        self.assert_breach("bench/x.py", "# Why.\ndef f():\n" + "    work()\n" * 70, 2, "function-size")

    def test_lines(self):
        self.assert_clean("src/os/x.cc", "// " + "é" * 117 + "\n")
        self.assert_breach("src/os/x.cc", "// " + "x" * 118 + "\n", 1, "lines")
        self.assert_breach("src/os/x.cc", "// Why.\n\tint x;\n", 2, "lines")
        self.assert_breach("tools/x", "#!/bin/bash\ntrue \n", 2, "lines")
        self.assert_clean("README.md", "x" * 200 + "  \n")  # prose has its own rules

    def test_headers_have_pragma_once(self):
        self.assert_breach("src/os/x.h", "// Why.\nint f();\n", 1, "pragma-once")

    def test_files_begin_with_their_reason(self):
        self.assert_breach("src/os/x.h", "#pragma once\n", 1, "opening-comment")
        self.assert_breach("src/os/x.cc", "int x;\n", 1, "opening-comment")
        self.assert_breach("bench/x.py", "import os\n", 1, "opening-comment")
        self.assert_breach("tools/x", "#!/usr/bin/python3\nimport os\n", 1, "opening-comment")
        self.assert_clean("src/os/x_test.cc", "int x;\n")
        self.assert_clean("tests/e2e/harness/__init__.py", "")
        self.assertEqual(self.breaches({"src/os/x.h": HEADER, "src/os/x.cc": "int x;\n"}), set())
        self.assertEqual(self.breaches({"include/trimaran/x.h": HEADER, "src/host/x.cc": "int x;\n"}), set())

    def test_tests_do_not_sleep(self):
        cpp = "  std::this_thread::sleep_for(10ms);\n"
        self.assert_breach("src/os/x_test.cc", cpp, 1, "sleeping-tests")
        self.assert_clean("src/os/x.cc", "// Why.\n" + cpp)
        self.assert_clean("src/os/x_test.cc", "// sleep(1) would be a guess\n")
        python = "# Why.\nimport time\ntime.sleep(1)\n"
        self.assert_breach("tests/e2e/test_x.py", python, 3, "sleeping-tests")
        self.assert_clean("tests/e2e/harness/x.py", python)
        self.assert_clean("tests/e2e/test_x.py", '# Why.\nSLOW_APP = "time.sleep(1)"\n')

    def test_no_path_of_one_machine(self):
        for folder in ("work", "root"):
            self.assert_breach("README.md", f"see /{folder}/notes\n", 1, "machine-paths")
        self.assert_clean("README.md", "see https://example.com/work/ and ../work/x\n")

    def test_binary_files_and_build_folders_are_not_read(self):
        self.assertEqual(self.breaches({"docs/x.png": b"\x89PNG\xff\t", "src/build/x.h": "\t"}), set())


if __name__ == "__main__":
    unittest.main()
