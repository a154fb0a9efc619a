"""What bench/soak prints, and the page that it writes."""


def text(result):
    lines = [f"soak: {result.model}, {result.duration_s:.0f} s, {sum(result.counts.values())} requests, "
             f"{result.restarts} graceful restarts"]
    lines += [f"  {name}: {growth:+.0f} KB (noise {noise:.0f} KB)" for name, (growth, noise) in result.slopes.items()]
    lines += [f"  {name}: {before}, then {after}" for name, (before, after) in result.kept.items()]
    lines += [f"  FAILED: {one}" for one in result.complaints]
    return "\n".join(lines + [f"{'failed' if result.complaints else 'passed'}"])


def table(rows):
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)


def write(result, directory):
    directory.mkdir(exist_ok=True)
    plot(result, directory / "soak.svg")
    growth = [("process", "growth", "noise"), ("---", "---:", "---:")]
    growth += [(name, f"{value:+.0f} KB", f"{noise:.0f} KB") for name, (value, noise) in result.slopes.items()]
    kept = [("what", "start", "end"), ("---", "---:", "---:")]
    kept += [(name, before, after) for name, (before, after) in result.kept.items()]
    counts = [("answer", "times"), ("---", "---:")] + sorted(result.counts.items(), key=lambda item: -item[1])
    page = [f"# Soak: {result.duration_s / 60:.0f} minutes of mixed traffic", "",
            f"{'Failed' if result.complaints else 'Passed'}: {sum(result.counts.values())} requests to the "
            f"{result.model} model, {result.restarts} graceful restarts. Made by `bench/soak`.", "",
            "![Memory of each process](soak.svg)", "", table(growth), "", table(kept), "", table(counts), ""]
    page += [f"- {one}" for one in result.complaints]
    (directory / "soak.md").write_text("\n".join(page).rstrip() + "\n")


def plot(result, path):
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.2), sharey=False)
    for pid, rows in result.samples.items():
        left.plot([x / 60 for x, _, _ in rows], [pss / 1024 for _, _, pss in rows], linewidth=0.8, label=f"child {pid}")
    left.set(xlabel="minutes of steady traffic", ylabel="PSS, MB", ylim=(0, None))
    left.legend(fontsize=7)
    right.plot([x for x, _, _ in result.master], [rss / 1024 for _, rss, _ in result.master], linewidth=0.8)
    right.set(xlabel="graceful restarts", ylabel="RSS of the master, MB", ylim=(0, None))
    figure.tight_layout()
    figure.savefig(path)
