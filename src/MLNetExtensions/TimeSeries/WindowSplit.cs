using Microsoft.ML.Runtime;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// The windows of series: for each series in time order those to train on and, behind them, those that choose the best epoch. No window reaches from one part, or one series, into another.
/// </summary>
internal sealed class WindowSplit
{
    private readonly List<int> _training = [];
    private readonly List<int> _validation = [];
    private readonly List<Range> _trainingRows = [];
    private readonly List<Range> _validationRows = [];

    private WindowSplit()
    {
    }

    /// <summary>The first rows of the windows to train on.</summary>
    internal IReadOnlyList<int> Training => _training;

    /// <summary>The first rows of the windows that choose the best epoch; none if none are asked for.</summary>
    internal IReadOnlyList<int> Validation => _validation;

    /// <summary>The training rows of each series.</summary>
    internal IReadOnlyList<Range> TrainingRows => _trainingRows;

    /// <summary>The validation rows of each series.</summary>
    internal IReadOnlyList<Range> ValidationRows => _validationRows;

    /// <summary>Cuts series.</summary>
    /// <param name="host">Who asks.</param>
    /// <param name="series">The series.</param>
    /// <param name="columnName">Their column.</param>
    /// <param name="windowSize">The rows of a window.</param>
    /// <param name="stride">The rows from the beginning of a window to that of the next.</param>
    /// <param name="validationFraction">The part of the rows for validation, at least a window unless it is 0.</param>
    /// <exception cref="InvalidOperationException">There are too few rows.</exception>
    internal static WindowSplit Cut(IHost host, Series series, string columnName, int windowSize, int stride, double validationFraction)
    {
        var windows = new WindowSplit();
        var skipped = 0;
        foreach (var group in series.Groups)
        {
            var validation = ValidationRowsOf(group.Rows);
            if (group.Rows - validation < windowSize && series.Groups.Count > 1)
            {
                // Too short to be split: it trains with what it has, or not at all.
                validation = 0;
            }
            var border = group.Start + Math.Max(0, group.Rows - validation);
            windows._trainingRows.Add(group.Start..border);
            windows._validationRows.Add(border..(group.Start + group.Rows));
            if (border - group.Start < windowSize)
            {
                skipped++;
                continue;
            }
            Add(windows._training, group.Start, border);
            Add(windows._validation, border, group.Start + group.Rows);
        }
        if (windows._training.Count == 0 || (validationFraction > 0 && windows._validation.Count == 0))
        {
            var longest = series.Groups.Count == 0 ? 0 : series.Groups.Max(group => group.Rows);
            throw Check.BadData(host, $"The series column '{columnName}' has {longest} rows{(series.Groups.Count > 1 ? " in its longest series" : "")}, {ValidationRowsOf(longest)} of them for validation: "
                + $"training needs at least windowSize = {windowSize} rows before these.");
        }
        if (skipped > 0)
        {
            using var channel = host.Start("Read");
            channel.Warning($"{skipped} of {series.Groups.Count} series are shorter than windowSize = {windowSize} rows and are not trained on.");
        }
        return windows;

        int ValidationRowsOf(int rows) => validationFraction == 0 ? 0 : Math.Max((int)Math.Round(validationFraction * rows), windowSize);

        void Add(List<int> starts, int start, int end)
        {
            for (var i = (long)start; i <= end - windowSize; i += stride)
            {
                starts.Add((int)i);
            }
        }
    }

    /// <summary>
    /// Consecutive windows without overlap; where rows are left over, the last window is shifted back to end with them. Rows that an earlier window has are not taken again.
    /// </summary>
    /// <returns>The first row of each window, and the number of its rows that the window before has already; nothing where there are fewer rows than a window.</returns>
    internal static IEnumerable<(int Start, int Taken)> Consecutive(int rows, int windowSize)
    {
        var start = 0;
        for (; start <= rows - windowSize; start += windowSize)
        {
            yield return (start, 0);
        }
        if (start < rows && rows >= windowSize)
        {
            yield return (rows - windowSize, windowSize - (rows - start));
        }
    }

    /// <summary>The windows that end at each row, of which only this row is wanted.</summary>
    /// <returns>As <see cref="Consecutive"/>.</returns>
    internal static IEnumerable<(int Start, int Taken)> Trailing(int rows, int windowSize) => Enumerable.Range(0, Math.Max(0, rows - windowSize + 1)).Select(start => (start, windowSize - 1));
}
