"""The line that CI reads must never be greener than the run."""
import subprocess
import tempfile
import unittest
from pathlib import Path

PROGRAM = Path(__file__).with_name("test_summary")

CTEST = '<testsuite name="x">%s</testsuite>'
PYTEST = '<testsuites><testsuite name="pytest">%s</testsuite></testsuites>'
PASSED = '<testcase name="a" classname="a" status="run"/>'
FAILED = '<testcase name="b" classname="b" status="fail"><failure message=""/></testcase>'
NOT_BUILT = '<testcase name="c" classname="c" status="notrun"><skipped message="Unable to find executable"/></testcase>'
SKIPPED = '<testcase name="d" classname="d" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>'
DISABLED = '<testcase name="e" classname="e" status="disabled"/>'


class TestSummaryTest(unittest.TestCase):
    def assert_summary(self, reports, lines, code):
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder, f"{number}.xml") for number in range(len(reports))]
            for path, report in zip(paths, reports):
                if report is not None:
                    path.write_text(report)
            done = subprocess.run([PROGRAM, *paths], capture_output=True, text=True)
        self.assertEqual((done.stdout.replace(folder, ""), done.returncode), ("\n".join(lines) + "\n", code))

    def test_both_reports_are_summed(self):
        pytest = PYTEST % '<testcase classname="test_x" name="test_y"/><testcase classname="test_x" name="test_z"/>'
        self.assert_summary([CTEST % PASSED, pytest], ["3 passed, 0 failed"], 0)

    def test_failures_are_named(self):
        pytest = PYTEST % ('<testcase classname="test_x" name="test_y"><failure/></testcase>'
                           '<testcase classname="test_x" name="test_z"><error/></testcase>')
        self.assert_summary([CTEST % (PASSED + FAILED), pytest],
                            ["FAILED b", "FAILED test_x.test_y", "FAILED test_x.test_z", "1 passed, 3 failed"], 1)

    def test_what_did_not_run_did_not_pass(self):
        self.assert_summary([CTEST % (PASSED + NOT_BUILT)], ["FAILED c (not run)", "1 passed, 1 failed"], 1)

    def test_what_was_skipped_is_said_and_not_counted(self):
        pytest = PYTEST % '<testcase classname="test_x" name="test_y"><skipped/></testcase>'
        self.assert_summary([CTEST % (PASSED + SKIPPED + DISABLED), pytest], ["3 skipped", "1 passed, 0 failed"], 0)

    def test_nothing_is_not_enough(self):
        self.assert_summary([CTEST % ""], ["0 passed, 0 failed"], 1)

    def test_a_run_that_left_no_report_failed(self):
        missing = "FAILED /1.xml: no report ([Errno 2] No such file or directory: '/1.xml')"
        self.assert_summary([CTEST % PASSED, None], [missing, "1 passed, 1 failed"], 1)


if __name__ == "__main__":
    unittest.main()
