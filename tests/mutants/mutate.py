#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Generic mutants: small changes to lines of engine and model, drawn from a seed, each built and looked for.

The faults of *.patch were thought of. These were not: an operator turned, a bound moved by one, a condition
negated, a statement, a wait or a flush left out, two arguments swapped. Each is compiled alone (with the
files that are compiled together with its own) and linked into a program, which is asked to replay the
scenarios, to run random ones, to sweep crashes and faults. Unit tests take no part. What nobody objects to
survives, and shows where the search is blind. See README.md beside this file.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
EQUIVALENT = HERE / 'equivalent.json'

# What a program without a fault answers with 0, the quick ones first. Limits are of processor time.
SEARCHES = [
    ('replay', ['replay', '--subject', 'model,engine']),
    ('replay on files', ['replay', '--subject', 'model,engine', '--storage', 'files']),
    ('fuzz', ['fuzz', '--seed', '1', '--runs', '1500']),
    ('fuzz errors', ['fuzz', '--profile', 'errors', '--seed', '2', '--runs', '500']),
    ('fuzz jobs', ['fuzz', '--profile', 'jobs', '--seed', '3', '--runs', '500']),
    ('fuzz crash', ['fuzz', '--profile', 'crash', '--seed', '4', '--runs', '500']),
    ('fuzz bitmaps', ['fuzz', '--profile', 'bitmaps', '--seed', '5', '--runs', '500']),
    ('sweep', ['sweep', '--all-up-to', '16', '--samples', '4']),
    ('faults', ['sweep', '--faults']),
]
FUZZ_OPTIONS = ['--until-failure', '--trials', '0', '--jobs', '1']


class Failed(Exception):
    """Something that ends the whole run: told in one line, exit status 2."""


# --- Drawing -------------------------------------------------------------------------------------------------

def code_of(line):
    """The line with the insides of strings, characters and comments blanked out, at the same columns."""
    out, i, quote = [], 0, ''
    while i < len(line):
        c = line[i]
        if quote:
            if c == '\\':
                out.append('  ')
                i += 2
                continue
            if c == quote:
                quote = ''
                out.append(c)
            else:
                out.append(' ')
        elif line.startswith('//', i):
            return ''.join(out) + ' ' * (len(line) - i)
        elif c == '"' or (c == "'" and not (i > 0 and line[i - 1].isalnum())):
            quote = c
            out.append(c)
        else:
            out.append(c)
        i += 1
    return ''.join(out)


OPERATORS = [
    ('operator', ' < ', [' <= ', ' > ']), ('operator', ' <= ', [' < ']),
    ('operator', ' > ', [' >= ', ' < ']), ('operator', ' >= ', [' > ']),
    ('operator', ' == ', [' != ']), ('operator', ' != ', [' == ']),
    ('operator', ' && ', [' || ']), ('operator', ' || ', [' && ']),
    ('operator', ' + ', [' - ']), ('operator', ' - ', [' + ']), ('operator', ' * ', [' / ']),
    ('operator', ' / ', [' * ']), ('operator', ' % ', [' / ']),
    ('operator', ' += ', [' -= ', ' = ']), ('operator', ' -= ', [' += ']),
    ('operator', ' |= ', [' &= ', ' = ']), ('operator', ' &= ', [' |= ', ' = ']),
    ('operator', ' | ', [' & ']), ('operator', ' & ', [' | ']),
    ('operator', ' << ', [' >> ']), ('operator', ' >> ', [' << ']),
    ('operator', 'std::min', ['std::max']), ('operator', 'std::max', ['std::min']),
    ('constant', 'true', ['false']), ('constant', 'false', ['true']),
    ('bound', ' + 1', ['']), ('bound', ' - 1', ['']),
]
WORD = re.compile(r'\b(true|false)\b')
NUMBER = re.compile(r'(?<![\w.{"])(\d+)(?![\w.])')
CONDITION = re.compile(r'\b(if|while) \((.*)\) *(\{|$|return|continue|break|co_return|throw)')
STATEMENT = re.compile(r'^\s+(co_await\s+)?[A-Za-z_][\w:>.\[\]()*-]*(\(.*\)|\s[-+|&]?=\s.*|\+\+|--);$')
NOT_STATEMENT = re.compile(r'^\s*(return|co_return|using|throw|const|auto|static|constexpr|case|typedef|else)\b')
ARGUMENTS = re.compile(r'\(([\w.>-]+), ([\w.>-]+)(?=[,)])')
DECLARATION = re.compile(r'^\s*[\w:<>,*& ]+\s[*&]?\w+ = ')


def ends_statement(line):
    return line == '' or line.lstrip().startswith('//') or line.rstrip()[-1:] in ';{}:'


def changes_of(lines, number):
    """All (kind, new line) of a line."""
    line = lines[number]
    code = code_of(line)
    if not code.strip() or code.lstrip().startswith(('#', 'namespace', 'using', 'template')):
        return
    for kind, text, others in OPERATORS:
        at = code.find(text)
        while at >= 0:
            word = not text[0].isalpha() or not (code[at - 1:at].isalnum() or code[at + len(text):at + len(text) + 1].isalnum())
            reference = text == ' & ' and re.search(r'\w& \w', code)
            bound = kind == 'bound' and code[at + len(text):at + len(text) + 1].isalnum()
            if word and not reference and not bound:
                for other in others:
                    yield kind, line[:at] + other + line[at + len(text):]
            at = code.find(text, at + 1)
    for match in NUMBER.finditer(code):
        yield 'bound', line[:match.start()] + str(int(match.group(1)) + 1) + line[match.end():]
    condition = CONDITION.search(code)
    if condition and ';' not in condition.group(2) and not DECLARATION.match(condition.group(2)):
        start, end = condition.span(2)
        if balanced(code[start:end]):
            yield 'negation', line[:start] + '!(' + line[start:end] + ')' + line[end:]
    for match in ARGUMENTS.finditer(code):
        a, b = match.group(1), match.group(2)
        called = re.search(r'[\w>]$', code[:match.start()]) and not re.search(r'\b(if|while|for|switch)\s*$', code[:match.start()])
        if called and a != b:
            yield 'arguments', line[:match.start()] + f'({b}, {a}' + line[match.end():]
    above = lines[number - 1] if number else ''
    if STATEMENT.match(code.rstrip()) and not NOT_STATEMENT.match(code) and not DECLARATION.match(code.replace('] = ', ']=', 1)) \
            and balanced(code) and (ends_statement(above) or code_of(above).rstrip().endswith(')')):
        kind = 'wait' if 'co_await' in code else 'statement'
        yield kind, ' ' * (len(line) - len(line.lstrip())) + ';'


def balanced(text):
    depth = 0
    for c in text:
        depth += (c == '(') - (c == ')')
        if depth < 0:
            return False
    return depth == 0


def sources(parts):
    return sorted(path for part in parts for path in (ROOT / part).rglob('*.cpp'))


def all_mutants(parts):
    mutants = []
    for path in sources(parts):
        lines = path.read_text().split('\n')
        for number in range(len(lines)):
            seen = set()
            for kind, after in changes_of(lines, number):
                if after != lines[number] and after not in seen:
                    seen.add(after)
                    mutants.append({'file': str(path.relative_to(ROOT)), 'line': number + 1, 'kind': kind,
                                    'before': lines[number], 'after': after})
    return mutants


def draw(mutants, count, seed):
    """A sample whose longer versions begin with the shorter ones."""
    order = sorted(range(len(mutants)), key=lambda i: (mutants[i]['file'], mutants[i]['line'], mutants[i]['after']))
    random.Random(seed).shuffle(order)
    return [mutants[i] for i in order[:count]]


def told(mutant):
    return f"{mutant['file']}:{mutant['line']}: {mutant['kind']}: {mutant['before'].strip()}  =>  {mutant['after'].strip()}"


def key_of(mutant):
    return (mutant['file'], mutant['before'].strip(), mutant['after'].strip())


# --- Building ------------------------------------------------------------------------------------------------

class Builder:
    """Compiles what a mutant changes and links it with all else, by the build's own commands."""

    def __init__(self, build):
        self.build = build
        try:
            commands = json.loads((build / 'compile_commands.json').read_text())
        except OSError as error:
            raise Failed(f'{build}: no build: {error.strerror}')
        self.commands = {}
        for entry in commands:
            if not re.search(r' -o CMakeFiles/blocktwin_(engine|model)\.dir/', entry['command']):
                continue
            for source in self.sources_in(entry['file']):
                self.commands[source] = entry
        answer = subprocess.run(['ninja', '-C', str(build), '-t', 'commands', '-s', 'blocktwin'], text=True,
                                capture_output=True)
        if answer.returncode != 0 or ' -o blocktwin ' not in answer.stdout:
            raise Failed(f'{build}: ninja does not tell how to link blocktwin')
        self.link = answer.stdout.strip().split('\n')[-1]

    @staticmethod
    def sources_in(path):
        path = pathlib.Path(path)
        if '/Unity/' not in str(path):
            return [str(path)]
        return re.findall(r'#include "(.*)"', path.read_text()) if path.exists() else []

    def program(self, mutant, directory):
        """The path of the program, or None with what the compiler said."""
        source = ROOT / mutant['file']
        entry = self.commands.get(str(source))
        if entry is None:
            raise Failed(f'{source}: the build does not compile it')
        lines = source.read_text().split('\n')
        lines[mutant['line'] - 1] = mutant['after']
        mutated = directory / source.name
        mutated.write_text('\n'.join(lines))
        compiled = mutated
        if entry['file'] != str(source):
            compiled = directory / 'together.cxx'
            text = pathlib.Path(entry['file']).read_text()
            compiled.write_text(text.replace(f'"{source}"', f'"{mutated}"'))
        target = re.search(r' -o (\S+) -c ', entry['command']).group(1)
        part = 'engine' if 'blocktwin_engine' in target else 'model'
        thing = directory / pathlib.Path(target).name
        command = re.sub(r' -o \S+ -c \S+$', f' -o {thing} -c {compiled} -w', entry['command'])
        command = command.replace('-Werror', '')
        error = self.run(command)
        if error:
            return None, error
        library = directory / f'lib{part}.a'
        shutil.copy(self.build / f'libblocktwin_{part}.a', library)
        program = directory / 'blocktwin'
        link = self.link.replace(f'libblocktwin_{part}.a', str(library)).replace(' -o blocktwin ', f' -s -o {program} ')
        error = self.run(f'ar r {library} {thing}') or self.run(link)
        return (None, error) if error else (program, '')

    def run(self, command):
        answer = subprocess.run(command, shell=True, cwd=self.build, text=True, capture_output=True)
        return '' if answer.returncode == 0 else answer.stdout + answer.stderr


# --- Searching -----------------------------------------------------------------------------------------------

def limited(seconds):
    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        os.setsid()
    return limit


def search(program, words, directory, seconds, patience):
    """'' if nothing is found, else what kind of end it came to; and the processor seconds that it took."""
    command = [str(program), *words]
    if words[0] == 'fuzz':
        command += FUZZ_OPTIONS + ['--out', str(directory / 'failures')]
    environment = dict(os.environ, BLOCKTWIN_ROOT=str(ROOT))
    process = subprocess.Popen(command, cwd=directory, env=environment, text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=limited(seconds))
    try:
        said, _ = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return 'hang'
    if process.returncode == 0:
        return ''
    if process.returncode == 2 and 'No such file or directory' in said.splitlines()[-1]:
        raise Failed(f'{" ".join(words)}: {said.splitlines()[-1]}')
    if process.returncode in (-signal.SIGXCPU, -signal.SIGPROF, -signal.SIGKILL):
        return 'hang'
    return 'crash' if process.returncode < 0 else 'difference'


class Search:
    """All searches, one after another until one finds something."""

    def __init__(self, options):
        self.names = [name for name, _ in SEARCHES if not options.search or name.split()[0] in options.search]
        self.words = dict(SEARCHES)
        if options.scenarios:
            for name in ('sweep', 'faults'):
                self.words[name] = self.words[name] + [str(ROOT / 'scenarios' / each) for each in options.scenarios]
        self.patience = options.patience

    def check(self, program, directory):
        for name in self.names:
            end = search(program, self.words[name], directory, self.patience, self.patience * 20)
            if end:
                raise Failed(f'without a fault: {" ".join(self.words[name])}: {end}')

    def __call__(self, program, directory):
        for name in self.names:
            end = search(program, self.words[name], directory, self.patience, self.patience * 20)
            if end:
                return name, end
        return None, None


def tried(mutant, builder, find):
    with tempfile.TemporaryDirectory(prefix='mutate') as name:
        directory = pathlib.Path(name)
        program, error = builder.program(mutant, directory)
        if program is None:
            first = next((line for line in error.split('\n') if 'error' in line), error.split('\n')[0])
            return dict(mutant, result='did not build', by=first[-200:])
        by, end = find(program, directory)
        return dict(mutant, result='killed' if by else 'survived', by=f'{by} ({end})' if by else '')


# --- Telling -------------------------------------------------------------------------------------------------

def read_known():
    """What is known of survivors: {'equivalent': …} that no behaviour differs, {'open': …} what it would take."""
    known = {}
    for entry in json.loads(EQUIVALENT.read_text()):
        if not {'file', 'before', 'after'} <= entry.keys() or ('equivalent' in entry) == ('open' in entry):
            raise Failed(f'{EQUIVALENT}: an entry has file, before, after, and equivalent or open: {entry}')
        known[(entry['file'], entry['before'], entry['after'])] = entry
    return known


def summary(results):
    known = read_known()
    counts = {'killed': 0, 'survived': 0, 'did not build': 0, 'equivalent': 0}
    survivors, by = [], {}
    for each in results:
        entry = known.get(key_of(each), {})
        kind = each['result']
        if kind == 'survived' and 'equivalent' in entry:
            kind = 'equivalent'
        counts[kind] += 1
        if kind == 'killed':
            by[each['by']] = by.get(each['by'], 0) + 1
        elif kind == 'survived':
            survivors.append((each, entry.get('open', 'not looked into')))
    lines = [f'{count:5} killed by {name}' for name, count in sorted(by.items(), key=lambda item: -item[1])]
    lines.append(', '.join(f'{count} {kind}' for kind, count in counts.items()) + f', {len(results)} in all')
    judged = counts['killed'] + counts['survived']
    if judged:
        lines.append(f"killed {100 * counts['killed'] / judged:.1f} % of the {judged} that are built and not equivalent")
    for each, reason in survivors:
        lines.append(f'survived: {told(each)}\n    {reason}')
    return '\n'.join(lines), counts


def read_results(path):
    if not path or not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def carry_out(options):
    sample = draw(all_mutants(options.part), options.sample, options.seed)
    if options.file:
        sample = [each for each in sample if each['file'].startswith(options.file)]
    if options.list:
        print('\n'.join(told(each) for each in sample))
        return 0
    done = {key_of(each) + (each['line'],): each for each in read_results(options.results)}
    if options.again:
        done = {key: each for key, each in done.items() if each['result'] != 'survived'}
    missing = [each for each in sample if key_of(each) + (each['line'],) not in done]
    if missing:
        builder = Builder(options.build.resolve())
        find = Search(options)
        with tempfile.TemporaryDirectory(prefix='mutate') as name:
            if not options.unchecked:
                find.check(options.build.resolve() / 'blocktwin', pathlib.Path(name))
        lock = threading.Lock()
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for result in pool.map(lambda each: tried(each, builder, find), missing):
                with lock:
                    done[key_of(result) + (result['line'],)] = result
                    print(f"[{len(done)}/{len(sample)}] {result['result']} {result['by']}: {told(result)}", file=sys.stderr,
                          flush=True)
                    if options.results:
                        with options.results.open('a') as file:
                            file.write(json.dumps(result) + '\n')
    text, counts = summary([done[key_of(each) + (each['line'],)] for each in sample])
    print(text)
    return 1 if counts['survived'] else 0


def main():
    parser = argparse.ArgumentParser(prog='blocktwin mutate', description=__doc__.split('\n')[0],
                                     epilog='Exit status: 0 all are found, 1 some survive, 2 it could not be done.')
    parser.add_argument('--sample', type=int, default=200, help='how many are drawn (default: 200)')
    parser.add_argument('--seed', type=int, default=1, help='what they are drawn from (default: 1)')
    parser.add_argument('--part', action='append', help='engine, model, or a folder of them (default: both)')
    parser.add_argument('--file', default='', help='of those drawn, only files that begin so')
    parser.add_argument('--jobs', type=int, default=1, help='how many at once (default: 1)')
    parser.add_argument('--build', type=pathlib.Path, default=ROOT / 'build/release', help='an up-to-date build')
    parser.add_argument('--results', type=pathlib.Path, help='a file that keeps results; what it holds is not tried again')
    parser.add_argument('--again', action='store_true', help='but survivors are')
    parser.add_argument('--search', action='append', choices=['replay', 'fuzz', 'sweep', 'faults'],
                        help='only this one; may be repeated')
    parser.add_argument('--scenarios', action='append', metavar='PATH',
                        help='what is swept, below scenarios/ (default: all)')
    parser.add_argument('--patience', type=int, default=300, metavar='SECONDS',
                        help='of processor time for one search; more is a hang (default: 300)')
    parser.add_argument('--unchecked', action='store_true', help='do not search the program without a fault first')
    parser.add_argument('--list', action='store_true', help='print the mutants and do nothing')
    options = parser.parse_args()
    options.part = options.part or ['engine', 'model']
    try:
        return carry_out(options)
    except Failed as failure:
        print(f'blocktwin mutate: {failure}', file=sys.stderr)
        return 2


if __name__ == '__main__':
    sys.exit(main())
