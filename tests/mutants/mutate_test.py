#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mutants of lines: which changes are drawn, that one is built and found, and how survivors are told."""
import argparse
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import mutate

BUILD = None


def changes(line, above='{'):
    return {after.strip() for _, after in mutate.changes_of([above, line], 1)}


class Drawing(unittest.TestCase):
    def test_operators_bounds_and_conditions(self):
        got = changes('  if (a < b && c) return x + 1;')
        for expected in ('if (a <= b && c) return x + 1;', 'if (a < b || c) return x + 1;',
                         'if (!(a < b && c)) return x + 1;', 'if (a < b && c) return x - 1;',
                         'if (a < b && c) return x;', 'if (a < b && c) return x + 2;'):
            self.assertIn(expected, got)

    def test_statements_waits_and_arguments(self):
        self.assertIn(';', changes('  co_await file->flush();'))
        self.assertIn(';', changes('  count += 1;'))
        self.assertIn('note(end, start);', changes('  note(start, end);'))
        self.assertNotIn(';', changes('  const auto x = f();'))
        self.assertNotIn(';', changes('  return f();'))
        self.assertNotIn(';', changes('  g(b);', above='  x = f(a,'))

    def test_texts_and_comments_are_left_alone(self):
        self.assertEqual(changes('  fail("a < b && 7");  // 1 < 2'), {';'})
        self.assertEqual(changes('  // a < b'), set())

    def test_a_sample_is_a_function_of_its_seed_and_begins_like_a_shorter_one(self):
        everything = mutate.all_mutants(['model'])
        self.assertEqual(mutate.draw(everything, 30, 7), mutate.draw(everything, 30, 7))
        self.assertEqual(mutate.draw(everything, 30, 7)[:10], mutate.draw(everything, 10, 7))
        self.assertNotEqual(mutate.draw(everything, 30, 7), mutate.draw(everything, 30, 8))


class Telling(unittest.TestCase):
    def setUp(self):
        self.mutant = {'file': 'model/a.cpp', 'line': 3, 'kind': 'bound', 'before': '  x = 1;', 'after': '  x = 2;'}

    def summary(self, result, known):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / 'known.json'
            path.write_text(mutate.json.dumps(known))
            with mock.patch.object(mutate, 'EQUIVALENT', path):
                return mutate.summary([dict(self.mutant, result=result, by='fuzz (crash)' if result == 'killed' else '')])

    def test_survivors_are_told_with_their_place_and_change(self):
        text, counts = self.summary('survived', [])
        self.assertIn('survived: model/a.cpp:3: bound: x = 1;  =>  x = 2;\n    not looked into', text)
        self.assertEqual(counts['survived'], 1)
        self.assertIn('killed 0.0 % of the 1', text)
        self.assertIn('killed 100.0 % of the 1', self.summary('killed', [])[0])

    def test_those_known_to_be_equivalent_do_not_count(self):
        entry = {'file': 'model/a.cpp', 'before': 'x = 1;', 'after': 'x = 2;'}
        self.assertEqual(self.summary('survived', [dict(entry, equivalent='nobody reads x')])[1]['equivalent'], 1)
        text, counts = self.summary('survived', [dict(entry, open='needs a larger disk')])
        self.assertEqual(counts['survived'], 1)
        self.assertIn('needs a larger disk', text)
        with self.assertRaises(mutate.Failed):
            self.summary('survived', [entry])

    def test_every_entry_says_why_and_names_a_line_that_there_is(self):
        for file, before, _ in mutate.read_known():
            lines = [line.strip() for line in (mutate.ROOT / file).read_text().split('\n')]
            self.assertIn(before, lines, file)


class Building(unittest.TestCase):
    def test_a_fault_is_built_and_found_and_one_that_changes_nothing_is_not(self):
        builder = mutate.Builder(BUILD)
        find = mutate.Search(argparse.Namespace(search=['replay'], scenarios=None, patience=100))
        find.names = ['replay']
        find.words['replay'] = ['replay', '--subject', 'model,engine', str(mutate.ROOT / 'scenarios/bitmaps')]
        path = 'engine/bitmap/dirty_bits.cpp'
        lines = (mutate.ROOT / path).read_text().split('\n')
        number = next(i for i, line in enumerate(lines) if line.startswith('  ') and line.rstrip().endswith(';')
                      and 'return' in line and '==' in line)
        mutant = {'file': path, 'line': number + 1, 'kind': 'operator', 'before': lines[number],
                  'after': lines[number].replace('==', '!=')}
        self.assertEqual(mutate.tried(mutant, builder, find)['result'], 'killed')
        self.assertEqual(mutate.tried(dict(mutant, after=lines[number] + ' '), builder, find)['result'], 'survived')
        self.assertEqual(mutate.tried(dict(mutant, after='  return no_such_thing;'), builder, find)['result'],
                         'did not build')


if __name__ == '__main__':
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
