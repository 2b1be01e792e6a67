# SPDX-License-Identifier: Apache-2.0
"""Rows as lines on the screen."""
from harness.compare import faults

HEAD = f"{'work':<46}{'peer':<38}{'peer ms':>10}{'ours ms':>10}{'clock':>6}{'ratio':>7}  {'95 % interval':<16}{'target':>6}{'limit':>8}{'extra MB':>9}{'theirs':>8}  results"


def number(value, digits=1):
    return "-" if value is None else f"{value:.{digits}f}"


def milliseconds(value):
    return f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def share_of_limit(row):
    """The least time the machine allows over ours."""
    return f"{100 * row['limit_ms'] / row['ours_ms']:.0f} %" if row["limit_ms"] else "-"


def line(row):
    if "why" in row:
        return f"{row['work']:<46}{row['peer']:<38}not measured: {row['why']}"
    memory = f"{number(row['process_mb'], 0)} in all" if "process_mb" in row else f"{number(row['ours_extra_mb'])}"
    theirs = number(row.get("peer_extra_mb"))
    verdict = f"{'equal' if row['equal'] else 'DIFFER'} ({row['difference']:.0e})" + "".join(f", missed: {what}" for what in faults(row) if what in ("speed", "memory"))
    return (f"{row['work']:<46}{row['peer']:<38}{milliseconds(row['peer_ms']):>10}{milliseconds(row['ours_ms']):>10}{row['clock']:>6}{row['ratio']:>7.2f}  {row['low']:.2f} .. {row['high']:<8.2f}"
            f"{number(row['target'], 2):>6}{share_of_limit(row):>8}{memory:>9}{theirs:>8}  {verdict}")


def machine_lines(about):
    settings = ", ".join(f"{key}={value}" for key, value in about["settings"].items()) or "none"
    return [f"{about['processor']}, {about['cores']} cores, {about['memory_gb']:.0f} GB, {' '.join(about['flags'])}; load {about['load']:.1f}; settings: {settings}"]


def worker_lines(about):
    yield f"a core: {about['limits']['gflops']:.0f} GFLOP/s in registers, {about['limits']['gb_per_second']:.0f} GB/s from memory"
    for w in about["workers"]:
        name = f"{w['role']}, {w['threads']} thread{'s' if w['threads'] > 1 else ''}{', MKL fast path' if w['mkl_fast_path'] else ''}"
        yield f"{name}: {w['versions']}, {w['capability']}, {w['blas']}, product {w['product_gflops']:.0f} GFLOP/s, started in {w['start_s']:.1f} s"
