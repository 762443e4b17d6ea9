#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tells where in the engine no run comes: functions that are never entered, branches that are never taken.

Runs what is asked for (replay, random runs, sweeps of crashes and of faults) with a program that counts (the
preset `coverage`: Clang's source-based counts), and reads the counts with llvm-cov.
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
LLVM = '-19'
# What the compiler writes, and what no run can break.
NO_DECISION = re.compile(r'= default;|\bINVARIANT\(')
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
    """Of one source: how often each function was entered, and each way out of each condition taken."""

    def __init__(self, source):
        self.source = source
        self.functions = {}
        self.branches = {}

    def add_branch(self, region):
        """A condition: [line, column, end line, end column, times true, times false, …]. A function template is
        there as often as it is instantiated."""
        if NO_DECISION.search(self.source[region[0] - 1]):
            return
        for way in (True, False):
            place = (*region[:4], way)
            self.branches[place] = self.branches.get(place, 0) + region[4 if way else 5]

    def add_function(self, line, name, count):
        if NO_DECISION.search(self.source[line - 1]):
            return
        self.functions[line, name] = self.functions.get((line, name), 0) + count


def name_of(demangled):
    """Without its parameters and what instances of templates are told apart by."""
    name = re.sub(r'\(anonymous namespace\)::', '', demangled)
    depth, out = 0, []
    for c in name:
        depth += (c in '(<') - (c in ')>')
        if depth == 0 and c not in ')>':
            out.append(c)
    return ''.join(out).replace(' const', '').strip().split(' ')[-1].replace('engine::', '')


def output_of(tool, *words, given=None):
    answer = subprocess.run([tool + LLVM, *map(str, words)], input=given, capture_output=True, text=True)
    if answer.returncode != 0:
        raise Failed(f'{tool}{LLVM}: {answer.stderr.strip()}')
    return answer.stdout


def counts_in(exported, demangled):
    """{source: Counts} of the folders that matter, of what llvm-cov exports. `demangled` names a function."""
    counts = {}

    def of(filename):
        path = os.path.relpath(os.path.join(ROOT, filename), ROOT)
        if not any(path.startswith(folder + '/') for folder in FOLDERS):
            return None
        if path not in counts:
            counts[path] = Counts((ROOT / path).read_text().split('\n'))
        return counts[path]

    for file in exported['files']:
        if (here := of(file['filename'])) is not None:
            for region in file['branches']:
                here.add_branch(region)
    for function in exported['functions']:
        if (here := of(function['filenames'][0])) is not None:
            here.add_function(function['regions'][0][0], name_of(demangled(function['name'])), function['count'])
    return counts


def read_counts(program, raw):
    """{source: Counts} of what the program's runs have left in the folder `raw`."""
    files = sorted(raw.glob('*.profraw'))
    if not files:
        raise Failed(f'{raw}: nothing was counted there')
    merged = raw / 'merged.profdata'
    output_of('llvm-profdata', 'merge', '-o', merged, *files)
    exported = json.loads(output_of('llvm-cov', 'export', program, f'-instr-profile={merged}',
                                    *(ROOT / folder for folder in FOLDERS)))['data'][0]
    # What only one file knows has the file's name before its own.
    names = {each['name']: each['name'].split(':')[-1] for each in exported['functions']}
    demangled = output_of('llvm-cxxfilt', given='\n'.join(names.values())).splitlines()
    return counts_in(exported, dict(zip(names, demangled)).__getitem__)


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
        for (line, *_), count in file.branches.items():
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
    if branches_too:
        lines += [f'{taken} of {all_} ways taken: {path}:{line}: {counts[path].source[line - 1].strip()}'
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


def run_all(program, what, runs, raw):
    raw.mkdir(exist_ok=True)
    for old in raw.iterdir():
        old.unlink()
    # %c: what is counted is in the file at once, and stays there whatever becomes of the process.
    environment = dict(os.environ, BLOCKTWIN_ROOT=str(ROOT), LLVM_PROFILE_FILE=str(raw / '%c%m.profraw'))
    for name in what:
        for words in COMMANDS[name]:
            words = words + ([str(runs), '--out', str(raw.parent / 'failures')] if name == 'fuzz' else [])
            print('running ' + ' '.join(words), file=sys.stderr, flush=True)
            answer = subprocess.run([str(program), *words], env=environment, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE, text=True)
            if answer.returncode == 1:
                print('  which finds something wrong', file=sys.stderr)
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
    parser.add_argument('--build', type=pathlib.Path, default=ROOT / 'build/coverage', help='the build that counts')
    parser.add_argument('--as-it-is', action='store_true', help='run nothing; read what was counted last')
    options = parser.parse_args()
    program, raw = options.build.resolve() / 'blocktwin', options.build.resolve() / 'counts'
    try:
        if not options.as_it_is:
            run_all(program, options.by or ['fuzz', 'sweep', 'faults'], options.runs, raw)
        text, good = report(read_counts(program, raw), read_excused(), options.branches, options.least)
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
