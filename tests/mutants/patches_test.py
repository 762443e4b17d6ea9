#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each patch of a mutant tells its story and fits the source that it changes: most are built on demand only."""
import pathlib
import re
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


class Patches(unittest.TestCase):
    def test_each_fits_its_source(self):
        patches = sorted(HERE.rglob('*.patch'))
        self.assertGreater(len(patches), 100)
        with tempfile.TemporaryDirectory() as directory:
            out = pathlib.Path(directory) / 'patched'
            for patch in patches:
                with self.subTest(patch=patch.name):
                    story, _, changes = patch.read_text().partition('\n--- a/')
                    self.assertTrue(story.strip(), 'no story')
                    changed = re.findall(r'^\+\+\+ b/(\S+)', changes, re.MULTILINE)
                    self.assertEqual(len(changed), 1, 'changes one source')
                    # As the build does it (CMakeLists.txt beside this file).
                    answer = subprocess.run(['patch', '--quiet', '--force', '--reject-file=-', f'--output={out}',
                                             str(ROOT / changed[0]), str(patch)], capture_output=True, text=True)
                    self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
                    self.assertNotEqual(out.read_text(), (ROOT / changed[0]).read_text(), 'changes nothing')


if __name__ == '__main__':
    unittest.main()
