"""What scripts/inference_amx.py and scripts/inference_vnni.py share: words, comparison, marker."""
import argparse
import sys

try:
    import tessera
except ImportError:
    sys.exit("the Python package tessera is not installed: run 'pip install .' in the folder of the project")

MARKER = "[CODE_SAMPLE_COMPLETED_SUCCESSFULLY]"
STATUS = {"failed": 1, "invalid": 2, "unavailable": 3}


def main(description: str, cases: list[str]) -> int:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", action="append", metavar="NAME|FILE", help="may be repeated [resnet50 bert-base]")
    parser.add_argument("--batch", type=int, default=1, help="inputs per inference [1]")
    parser.add_argument("--seq", type=int, default=None, help="tokens per input of a text model [128]")
    parser.add_argument("--samples", type=int, default=1000, help="inferences to time per case [1000]")
    parser.add_argument("--max-seconds", type=float, default=0, help="stop measuring a model after this time [no limit]")
    parser.add_argument("--threads", type=int, default=0, help="0 for all usable CPUs [0]")
    parser.add_argument("--calibration", metavar="DIR|FILE", help="for int8 [seeded random data]")
    parser.add_argument("--report", metavar="DIR", help="write report.json, .csv, .html and charts there")
    parser.add_argument("--strict", action="store_true", help="an unavailable case is an error (exit status 3)")
    words = parser.parse_args()
    try:
        report = tessera.compare(words.model or ["resnet50", "bert-base"], cases, batch=words.batch, seq=words.seq,
                                 samples=words.samples, max_seconds=words.max_seconds, threads=words.threads,
                                 calibration=words.calibration, strict=words.strict, progress=sys.stderr.isatty())
        print(report)
        if words.report:
            report.save(words.report)
    except tessera.Error as error:
        print(f"tessera: {error}", file=sys.stderr)
        return STATUS[error.kind]
    if any(case["status"] == "failed" for model in report.to_dict()["models"] for case in model["cases"]):
        return 1
    print(MARKER)
    return 0
