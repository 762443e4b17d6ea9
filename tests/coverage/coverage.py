#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tells where in the engine no run comes: functions that are never entered, branches that are never taken.

Runs what is asked for (replay, random runs, sweeps of crashes and of faults) with a program whose engine
counts (build target blocktwin_counted, GCC), and reads the counts with gcov.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
EXCUSED = HERE / 'excused.json'
FOLDERS = ['engine/bitmap', 'engine/block', 'engine/job', 'engine/qcow2']
# Where the source itself decides something. What else gcov calls a branch the compiler has made up.
DECIDES = re.compile(r'\b(if|while|for|switch|case)\b|&&|\|\||\?')
COMMANDS = {
    'replay': [['replay', '--subject', 'model,engine']],
    'fuzz': [['fuzz', '--profile', profile, '--seed', '1', '--jobs', '1', '--runs']
             for profile in ('default', 'bitmaps', 'jobs', 'crash', 'errors', 'mishaps')],
    'sweep': [['sweep', '--all-up-to', '8', '--samples', '2']],
    'faults': [['sweep', '--faults']],
}


class Failed(Exception):
    """Something that ends the whole run: told in one line, exit status 2."""


# --- Reading -------------------------------------------------------------------------------------------------

class Counts:
    """Of one source: how often each function was entered, and each way out of each decision taken."""

    def __init__(self):
        self.functions = {}
        self.branches = {}

    def add(self, file, source):
        for function in file['functions']:
            place = (function['start_line'], name_of(function['demangled_name']))
            self.functions[place] = max(self.functions.get(place, 0), function['execution_count'])
        for line in file['lines']:
            number = line['line_number']
            ways = [branch['count'] for branch in line['branches'] if not branch['throw']]
            if ways and number <= len(source):
                ways = ways[:ways_out_of(source[number - 1])]
                for index, count in enumerate(ways):
                    place = (number, len(ways), index)
                    self.branches[place] = max(self.branches.get(place, 0), count)


def ways_out_of(line):
    """How many ways of a line are the source's: two for each decision, and for a switch as many as there are. The
    compiler's own come after them: what is half made, and destroyed where something throws."""
    code = without_comment(line)
    return 1000 if 'switch' in code else 2 * len(DECIDES.findall(code))


def without_comment(line):
    return line.split('//')[0]


def name_of(demangled):
    """Without its parameters and what coroutines and instances of templates are told apart by."""
    name = re.sub(r'\(anonymous namespace\)::', '', demangled)
    name = re.sub(r'\[clone .*\]', '', name)
    depth, out = 0, []
    for c in name:
        depth += (c in '(<') - (c in ')>')
        if depth == 0 and c not in ')>':
            out.append(c)
    return ''.join(out).replace(' const', '').strip().split(' ')[-1].replace('engine::', '')


def read_counts(objects):
    """{source: Counts} of the folders that matter."""
    files = sorted(objects.rglob('*.gcno'))
    if not files:
        raise Failed(f'{objects}: nothing there was compiled to count')
    counts = {}
    for file in files:
        answer = subprocess.run(['gcov', '--json-format', '--branch-probabilities', '--demangled-names', '--stdout',
                                 str(file)], capture_output=True, text=True, cwd=objects)
        if answer.returncode != 0:
            raise Failed(f'gcov: {answer.stderr.strip()}')
        for document in answer.stdout.splitlines():
            if not document.startswith('{'):
                continue
            for each in json.loads(document)['files']:
                path = os.path.relpath(os.path.join(ROOT, each['file']), ROOT)
                if any(path.startswith(folder + '/') for folder in FOLDERS):
                    source = (ROOT / path).read_text().split('\n')
                    counts.setdefault(path, Counts()).add(each, source)
    return counts


def function_gaps(counts):
    """[(source, line, name)] of the functions that are never entered."""
    gaps = []
    for path, file in sorted(counts.items()):
        entered = {}
        for (line, name), count in file.functions.items():
            entered[line, name] = max(entered.get((line, name), 0), count)
        gaps += [(path, line, name) for (line, name), count in sorted(entered.items()) if count == 0]
    return gaps


def branch_figures(counts):
    """{folder: (taken, all)} and [(source, line, taken, all)] of the lines with a way that is never taken."""
    figures = {folder: [0, 0] for folder in FOLDERS}
    gaps = []
    for path, file in sorted(counts.items()):
        folder = next(each for each in FOLDERS if path.startswith(each + '/'))
        lines = {}
        for (line, _, _), count in file.branches.items():
            taken, all_ = lines.get(line, (0, 0))
            lines[line] = (taken + (count > 0), all_ + 1)
        for line, (taken, all_) in sorted(lines.items()):
            figures[folder][0] += taken
            figures[folder][1] += all_
            if taken < all_:
                gaps.append((path, line, taken, all_))
    return figures, gaps


def read_excused(path=EXCUSED):
    """{(file, function): why} of what no run can enter, by design."""
    excused = {}
    for entry in json.loads(path.read_text()):
        if set(entry) != {'file', 'function', 'why'} or not entry['why']:
            raise Failed(f'{path}: an entry has file, function and why: {entry}')
        excused[entry['file'], entry['function']] = entry['why']
    return excused


# --- Telling -------------------------------------------------------------------------------------------------

def report(counts, excused, branches_too, least):
    """The text, and whether it is as it should be."""
    lines, gaps = [], function_gaps(counts)
    open_gaps = [gap for gap in gaps if (gap[0], gap[2]) not in excused]
    entered = {(path, name) for path, file in counts.items()
               for (_, name), count in file.functions.items() if count > 0}
    for path, line, name in open_gaps:
        lines.append(f'never entered: {path}:{line}: {name}')
    for path, line, name in gaps:
        if (path, name) in excused:
            lines.append(f'excused: {path}:{line}: {name} ({excused[path, name]})')
    stale = sorted(each for each in excused if each in entered)
    lines += [f'excused, and entered all the same: {path}: {name}' for path, name in stale]
    figures, branch_gaps = branch_figures(counts)
    source = {path: (ROOT / path).read_text().split('\n') for path in counts}
    if branches_too:
        lines += [f'{taken} of {all_} ways taken: {path}:{line}: {source[path][line - 1].strip()}'
                  for path, line, taken, all_ in branch_gaps]
    taken, all_ = (sum(figure[i] for figure in figures.values()) for i in (0, 1))
    functions = sum(len(file.functions) for file in counts.values())
    for folder, (some, of) in figures.items():
        if of:
            lines.append(f'{folder}: {some} of {of} branches ({100 * some / of:.1f} %)')
    percent = 100 * taken / all_ if all_ else 0
    lines.append(f'all: {taken} of {all_} branches ({percent:.1f} %), {functions - len(gaps)} of {functions} functions, '
                 f'{len(gaps) - len(open_gaps)} excused')
    return '\n'.join(lines), not open_gaps and percent >= least


def run_all(program, what, runs, objects):
    for old in objects.rglob('*.gcda'):
        old.unlink()
    for name in what:
        for words in COMMANDS[name]:
            words = words + ([str(runs), '--out', str(objects / 'failures')] if name == 'fuzz' else [])
            print('running ' + ' '.join(words), file=sys.stderr, flush=True)
            answer = subprocess.run([str(program), *words], env=dict(os.environ, BLOCKTWIN_ROOT=str(ROOT)),
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            if answer.returncode == 1:
                print(f'  which finds something wrong: what runs into that is not counted', file=sys.stderr)
            elif answer.returncode != 0:
                raise Failed(f'{" ".join(words)}: {answer.stderr.strip()[-500:]}')


def main():
    parser = argparse.ArgumentParser(prog='blocktwin coverage', description=__doc__.split('\n')[0],
                                     epilog='Exit status: 0 all functions are entered or excused, and enough branches; '
                                            '1 not so, 2 it could not be done.')
    parser.add_argument('--by', action='append', choices=list(COMMANDS),
                        help='what runs; may be repeated (default: fuzz, sweep and faults)')
    parser.add_argument('--runs', type=int, default=2000, help='random runs of each profile (default: 2000)')
    parser.add_argument('--branches', action='store_true', help='print the lines whose branches are not all taken')
    parser.add_argument('--least', type=float, default=93, metavar='PERCENT', help='of branches (default: 93)')
    parser.add_argument('--build', type=pathlib.Path, default=ROOT / 'build/release', help='where blocktwin_counted is')
    parser.add_argument('--as-it-is', action='store_true', help='run nothing; read what was counted last')
    options = parser.parse_args()
    objects = options.build.resolve() / 'CMakeFiles/blocktwin_engine_counted.dir'
    try:
        if not options.as_it_is:
            run_all(options.build.resolve() / 'blocktwin_counted', options.by or ['fuzz', 'sweep', 'faults'], options.runs,
                    objects)
        text, good = report(read_counts(objects), read_excused(), options.branches, options.least)
    except Failed as failure:
        print(f'blocktwin coverage: {failure}', file=sys.stderr)
        return 2
    except OSError as error:
        print(f'blocktwin coverage: {error}', file=sys.stderr)
        return 2
    print(text)
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
