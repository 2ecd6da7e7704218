"""Docstrings: everything that a user can name has one, and lists of arguments are those of the signature."""
import inspect
import re
import unittest

import tessera
import tessera.onnxruntime


def public_members():
    """(name, object) of all that is offered, with the methods and properties of classes."""
    for module in (tessera, tessera.onnxruntime):
        for name in getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")]):
            thing = getattr(module, name)
            if not inspect.isclass(thing) and not inspect.isfunction(thing):
                continue
            if not thing.__module__.startswith("tessera"):
                continue
            yield f"{module.__name__}.{name}", thing
            if inspect.isclass(thing):
                for base in thing.__mro__:
                    if base.__module__.startswith("tessera"):
                        yield from ((f"{module.__name__}.{name}.{member}", value) for member, value in vars(base).items()
                                    if not member.startswith("_") or member == "__init__")


def function_of(thing):
    return thing.fget if isinstance(thing, property) else thing


def arguments_of(docstring):
    """The names in the section `Args:`; None where there is no such section."""
    section = re.search(r"^ *Args:\n((?:(?: +.*)?\n)+?)(?=\n *[A-Z]\w+:\n|\Z)", inspect.cleandoc(docstring) + "\n", re.MULTILINE)
    return None if section is None else re.findall(r"^    (\w+): ", section[1], re.MULTILINE)


class Documentation(unittest.TestCase):
    def test_the_members_that_are_looked_at(self):
        names = {name for name, _ in public_members()}
        self.assertLess({"tessera.compare", "tessera.Session.run", "tessera.Quantized.save", "tessera.Model.inputs",
                         "tessera.onnxruntime.InferenceSession.run"}, names)

    def test_everything_has_a_docstring(self):
        for name, thing in public_members():
            function = function_of(thing)
            if inspect.isclass(thing) or (inspect.isfunction(function) and not name.endswith("__init__")):
                self.assertTrue(function.__doc__, name)

    def test_arguments_are_those_of_the_signature(self):
        listed = 0
        for name, thing in public_members():
            if not inspect.isfunction(thing) or not thing.__doc__:
                continue
            documented = arguments_of(thing.__doc__)
            if documented is None:
                continue
            listed += 1
            self.assertEqual(documented, [parameter for parameter in inspect.signature(thing).parameters if parameter != "self"],
                             name)
        self.assertGreater(listed, 8)

    def test_stubs_name_what_the_module_has(self):
        """What editors and type checkers read of the compiled half."""
        path = inspect.getfile(tessera._tessera).split("_tessera.")[0] + "_tessera.pyi"
        with open(path, encoding="utf-8") as file:
            stub = file.read()
        for name, thing in vars(tessera._tessera).items():
            if name.startswith("_"):
                continue
            self.assertRegex(stub, rf"(?m)^(class|def) {name}\b|^{name}\b", name)
            if inspect.isclass(thing):
                for member in vars(thing):
                    if not member.startswith("_"):
                        self.assertRegex(stub, rf"(?m)^    def {member}\(", f"{name}.{member}")


if __name__ == "__main__":
    unittest.main()
