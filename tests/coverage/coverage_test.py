#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What gcov counts, as it is read and told."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import coverage

SOURCE = ['int f(int a) {', '  if (a > 1) return 1;  // else', '  return g(a);', '}', 'int h() { return 0; }']
PATH = 'engine/bitmap/dirty_bits.cpp'


def counted(f, ways, h):
    counts = coverage.Counts()
    counts.add({'functions': [{'start_line': 1, 'demangled_name': 'engine::f(int)', 'execution_count': f},
                              {'start_line': 5, 'demangled_name': 'engine::h()', 'execution_count': h}],
                'lines': [{'line_number': 2, 'branches': [{'count': n, 'throw': False} for n in ways]},
                          {'line_number': 3, 'branches': [{'count': 0, 'throw': True}, {'count': 0, 'throw': False}]}]},
               SOURCE)
    return {PATH: counts}


class Reading(unittest.TestCase):
    def test_decisions_of_the_source_count_and_those_of_the_compiler_do_not(self):
        self.assertEqual(counted(1, [3, 0], 1)[PATH].branches, {(2, 2, 0): 3, (2, 2, 1): 0})

    def test_objects_that_hold_the_same_function_are_taken_together(self):
        counts = counted(0, [3, 0], 1)[PATH]
        counts.add({'functions': [{'start_line': 1, 'demangled_name': 'engine::f(int)', 'execution_count': 2}],
                    'lines': [{'line_number': 2, 'branches': [{'count': 0, 'throw': False}, {'count': 1, 'throw': False}]}]},
                   SOURCE)
        self.assertEqual(coverage.function_gaps({PATH: counts}), [])
        self.assertEqual(set(counts.branches.values()), {3, 1})

    def test_names_without_what_they_are_told_apart_by(self):
        self.assertEqual(coverage.name_of('engine::qcow2::(anonymous namespace)::f(int, std::map<int, int>) const'), 'qcow2::f')
        self.assertEqual(coverage.name_of('engine::block::Node::~Node()'), 'block::Node::~Node')
        self.assertEqual(coverage.name_of('engine::g(engine::f(int)::frame*) [clone .actor]'), 'g')


class Telling(unittest.TestCase):
    def test_a_function_that_is_never_entered_is_told_unless_it_is_excused(self):
        text, good = coverage.report(counted(1, [1, 1], 0), {}, True, 50)
        self.assertIn(f'never entered: {PATH}:5: h', text)
        self.assertFalse(good)
        text, good = coverage.report(counted(1, [1, 1], 0), {(PATH, 'h'): 'by design'}, True, 50)
        self.assertIn(f'excused: {PATH}:5: h (by design)', text)
        self.assertTrue(good)
        text, good = coverage.report(counted(1, [1, 1], 1), {(PATH, 'h'): 'by design'}, True, 50)
        self.assertIn(f'excused, and entered all the same: {PATH}: h', text)

    def test_too_few_branches_are_not_good(self):
        text, good = coverage.report(counted(1, [1, 0], 1), {}, True, 50)
        self.assertIn('1 of 2 ways taken: ' + PATH + ':2', text)
        self.assertIn('1 of 2 branches (50.0 %), 2 of 2 functions', text)
        self.assertTrue(good)
        self.assertFalse(coverage.report(counted(1, [1, 0], 1), {}, True, 51)[1])

    def test_an_excuse_without_a_reason_is_refused(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / 'excused.json'
            path.write_text('[{"file": "a", "function": "f", "why": ""}]')
            with self.assertRaises(coverage.Failed):
                coverage.read_excused(path)

    def test_every_excuse_names_a_file_that_there_is(self):
        for file, _ in coverage.read_excused():
            self.assertTrue((coverage.ROOT / file).exists(), file)


if __name__ == '__main__':
    unittest.main()
