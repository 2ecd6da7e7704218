#!/usr/bin/env python3
"""Completion and manual page: they know every command and option that --help shows, and bash completes what it should.

    TESSERA=build/release/tessera tests/e2e/completion_test.py
"""
import os
import re
import shlex
import subprocess
import tempfile
import unittest

TESSERA = os.path.abspath(os.environ["TESSERA"])


def run(*words, **options):
    return subprocess.run([*words], check=True, capture_output=True, text=True, timeout=60, **options).stdout


def help_of(*path):
    """The commands and the options that --help shows."""
    text = run(TESSERA, *path, "--help")
    commands = re.findall(r"^  (\w+) ", text.split("\nSubcommands:\n")[1].split("\n\n")[0], re.MULTILINE) \
        if "\nSubcommands:\n" in text else []
    options = {name for line in re.findall(r"^  (-[-\w,]+)", text, re.MULTILINE) for name in line.split(",")}
    return commands, options


def all_commands(*path):
    commands, options = help_of(*path)
    yield path, commands, options
    for command in commands:
        yield from all_commands(*path, command)


def bash(*words, folder=None):
    """What bash offers for the last word; words are divided as bash divides them."""
    divided = [part for word in words for part in re.split("(@)", word)] if "@" in words[-1] else list(words)
    script = (f"source <({shlex.quote(TESSERA)} completion bash)\n"
              "compopt() { :; }\n"
              f"COMP_WORDS=(tessera {' '.join(map(shlex.quote, divided))})\nCOMP_CWORD={len(divided)}\n"
              "_tessera\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n")
    return [line for line in run("bash", "-c", script, cwd=folder).splitlines() if line]


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.commands = list(all_commands())

    def test_bash_offers_what_help_shows(self):
        self.assertGreater(len(self.commands), 8)
        for path, commands, options in self.commands:
            with self.subTest(path=path):
                offered = set(bash(*path, ""))
                self.assertLessEqual(set(commands), offered)
                self.assertEqual(set(bash(*path, "-")), {option for option in options})

    def test_bash_completes_values(self):
        self.assertEqual(bash("com"), ["compare", "compile", "completion"])
        self.assertEqual(bash("compare", "--model", "resnet"), ["resnet50"])
        self.assertEqual(bash("run", "bert-base", "--isa", "avx2"), ["avx2", "avx2_vnni"])
        self.assertEqual(bash("run", "--precision", "b"), ["bf16"])
        self.assertIn("int8@avx512_core_amx", bash("compare", "--case", "int8"))
        self.assertEqual(bash("compare", "--case", "int8@avx512_core_a"), ["avx512_core_amx"])
        self.assertEqual(bash("quantize", "--percentile", ""), [])
        self.assertEqual(bash("completion", "z"), ["zsh"])
        self.assertIn("bash", bash("launch", "--", "bas"))

    def test_bash_completes_files_where_files_may_stand(self):
        with tempfile.TemporaryDirectory() as folder:
            open(os.path.join(folder, "my model.onnx"), "w").close()
            self.assertEqual(bash("run", "my", folder=folder), ["my model.onnx"])
            self.assertEqual(bash("compare", "--data", "my", folder=folder), ["my model.onnx"])
            self.assertEqual(bash("compare", "--batch", "my", folder=folder), [])

    def test_the_other_shells_and_the_manual_know_every_option(self):
        zsh, fish = run(TESSERA, "completion", "zsh"), run(TESSERA, "completion", "fish")
        manual = run(TESSERA, "man").replace("\\-", "-")
        for path, commands, options in self.commands:
            function = re.search(rf"^{'_'.join(('_tessera', *path))}\(\) {{\n(.*?)^}}$", zsh, re.MULTILINE | re.DOTALL)[1]
            condition = "; and ".join(f"__fish_seen_subcommand_from {name}" for name in path) or "true"
            lines = [line for line in fish.splitlines() if f"-n '{condition}'" in line]
            section = manual.split(f"\n.SS {' '.join(('tessera', *path))}\n")[1].split("\n.S")[0] if path else manual
            for option in options:
                with self.subTest(path=path, option=option):
                    self.assertIn(f"){option}[" if f"){option}[" in function else f"*{option}[", function)
                    flag = f" -l {option[2:]} " if option.startswith("--") else f" -s {option[1:]} "
                    self.assertTrue(any(flag in line for line in lines))
                    self.assertIn(f"\\fB{option}\\fR", section)
            for command in commands:
                self.assertIn(f".SS {' '.join(('tessera', *path, command))}\n", manual)

    def test_an_unknown_shell(self):
        done = subprocess.run([TESSERA, "completion", "tcsh"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr, "tessera: shell tcsh: there is no completion for it: use bash, zsh or fish\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
