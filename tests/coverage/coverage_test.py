#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What llvm-cov exports, as it is read and told."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import coverage

PATH = 'engine/bitmap/granularity.h'
NAMES = {'f': 'engine::f(int)', 'h': 'engine::h()'}


def exported(f, ways, h, line=1):
    """As llvm-cov has it: in PATH two functions, and one condition with its two ways."""
    path = str(coverage.ROOT / PATH)
    return {'files': [{'filename': path, 'branches': [[line, 7, line, 12, *ways, 0, 0, 4]]},
                      {'filename': '/elsewhere/a.h', 'branches': [[1, 1, 1, 2, 0, 0, 0, 0, 4]]}],
            'functions': [{'name': 'f', 'filenames': [path], 'count': f, 'regions': [[1, 1, 4, 2, f, 0, 0, 0]]},
                          {'name': 'h', 'filenames': [path], 'count': h, 'regions': [[5, 1, 5, 30, h, 0, 0, 0]]}]}


def counted(f, ways, h):
    return coverage.counts_in(exported(f, ways, h), NAMES.__getitem__)


class Reading(unittest.TestCase):
    def test_each_condition_has_two_ways(self):
        counts = counted(1, [3, 0], 1)
        self.assertEqual(list(counts), [PATH])
        self.assertEqual(counts[PATH].branches, {(1, 7, 1, 12, True): 3, (1, 7, 1, 12, False): 0})
        self.assertEqual(counts[PATH].functions, {(1, 'f'): 1, (5, 'h'): 1})

    def test_instances_of_a_template_are_taken_together(self):
        both = exported(0, [3, 0], 1)
        both['files'][0]['branches'].append([1, 7, 1, 12, 0, 1, 0, 0, 4])
        both['functions'].append(dict(both['functions'][0], count=2))
        counts = coverage.counts_in(both, NAMES.__getitem__)
        self.assertEqual(coverage.function_gaps(counts), [])
        self.assertEqual(set(counts[PATH].branches.values()), {3, 1})

    def test_what_the_compiler_writes_is_no_decision(self):
        source = (coverage.ROOT / PATH).read_text().split('\n')
        defaulted = next(i for i, text in enumerate(source, 1) if text.endswith('= default;'))
        there = exported(1, [0, 0], 1, defaulted)
        there['functions'].append({'name': 'f', 'filenames': there['functions'][0]['filenames'], 'count': 0,
                                   'regions': [[defaulted, 1, defaulted, 2, 0, 0, 0, 0]]})
        counts = coverage.counts_in(there, NAMES.__getitem__)
        self.assertEqual(counts[PATH].branches, {})
        self.assertEqual(coverage.function_gaps(counts), [])

    def test_names_without_what_they_are_told_apart_by(self):
        self.assertEqual(coverage.name_of('engine::qcow2::(anonymous namespace)::f(int, std::map<int, int>) const'), 'qcow2::f')
        self.assertEqual(coverage.name_of('engine::block::Node::~Node()'), 'block::Node::~Node')


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
        self.assertIn('1 of 2 ways taken: ' + PATH + ':1', text)
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
