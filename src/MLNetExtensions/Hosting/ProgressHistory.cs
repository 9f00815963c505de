using System.Collections;

namespace MLNetExtensions;

/// <summary>Keeps what a training reports, in the order of the reports. Any thread may read while one reports.</summary>
/// <typeparam name="T">What is reported.</typeparam>
[TypeFormatterSource(typeof(FormatterSource))]
public abstract class ProgressHistory<T> : IProgress<T>, IReadOnlyList<T>, IDisplayed
{
    private readonly Lock _lock = new();
    private readonly List<T> _reports = [];

    private protected ProgressHistory()
    {
    }

    /// <summary>The number of reports so far.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _reports.Count;
            }
        }
    }

    /// <summary>The report at a position.</summary>
    /// <param name="index">The position, from 0: the first.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such position.</exception>
    public T this[int index]
    {
        get
        {
            lock (_lock)
            {
                return _reports[index];
            }
        }
    }

    /// <summary>Keeps a report, at once and on the calling thread.</summary>
    /// <param name="value">The report.</param>
    /// <exception cref="ArgumentNullException"><paramref name="value"/> is null.</exception>
    public void Report(T value)
    {
        ArgumentNullException.ThrowIfNull(value);
        lock (_lock)
        {
            _reports.Add(value);
        }
    }

    /// <summary>Enumerates the reports so far; later ones are not among them.</summary>
    /// <returns>An enumerator.</returns>
    public IEnumerator<T> GetEnumerator() => Reports().AsEnumerable().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>A table of the first reports, and the last.</summary>
    /// <returns>Several lines, in invariant culture.</returns>
    public override string ToString()
    {
        var reports = Reports();
        return reports.Length == 0 ? "no report yet" : $"{TextTable.Of(Header, [.. reports.Select(Row)])}{Environment.NewLine}last: {reports[^1]}";
    }

    /// <summary>The reports as charts and a table.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml()
    {
        var reports = Reports();
        return Html.Section("Training", reports.Length == 0
            ? [Html.Paragraph("no report yet")]
            : [.. Charts(reports), Html.Paragraph($"Last: {reports[^1]}"), Html.Folded("All reports", Html.Table($"Reports{Html.More(Html.MostRows, reports.Length)}", Header, reports.Take(Html.MostRows).Select(Row)))]);
    }

    /// <summary>What <see cref="Row"/> holds.</summary>
    private protected abstract IReadOnlyList<string> Header { get; }

    /// <summary>The numbers of a report.</summary>
    private protected abstract IReadOnlyList<string> Row(T report);

    /// <summary>The charts of one or more reports.</summary>
    private protected abstract IEnumerable<string> Charts(IReadOnlyList<T> reports);

    /// <summary>The last runs of reports whose numbers rise: several where a training has several parts, or where several trainings reported.</summary>
    private protected static IEnumerable<T[]> Runs(IReadOnlyList<T> reports, Func<T, int> number)
    {
        int[] starts = [.. Enumerable.Range(0, reports.Count).Where(i => i == 0 || number(reports[i]) <= number(reports[i - 1]))];
        return starts.Select((start, i) => reports.Skip(start).Take((i + 1 < starts.Length ? starts[i + 1] : reports.Count) - start).ToArray()).TakeLast(Html.MostCharts);
    }

    private T[] Reports()
    {
        lock (_lock)
        {
            return [.. _reports];
        }
    }
}
