using System.Collections;

namespace MLNetExtensions.TimeSeries;

/// <summary>The quality of one part of the forecasts: a channel, or a group.</summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed class ForecastPart : IDisplayed
{
    internal ForecastPart(string name, ForecastErrors errors, ForecastErrors seasonalNaive, IntervalMetrics? interval, long forecasts, long skipped)
    {
        Name = name;
        Errors = errors;
        SeasonalNaive = seasonalNaive;
        Interval = interval;
        NumberOfForecasts = forecasts;
        NumberOfSkippedRows = skipped;
    }

    /// <summary>The name of the channel, or the value of the group column; the empty string for rows without one.</summary>
    public string Name { get; }

    /// <summary>The errors of the forecast; NaN where none was compared.</summary>
    public ForecastErrors Errors { get; }

    /// <summary>The errors of the seasonal-naive forecast of the same rows.</summary>
    public ForecastErrors SeasonalNaive { get; }

    /// <summary>The quality of the bounds; null where none were given.</summary>
    public IntervalMetrics? Interval { get; }

    /// <summary>The number of rows whose forecast was compared.</summary>
    public long NumberOfForecasts { get; }

    /// <summary>The number of rows left out.</summary>
    public long NumberOfSkippedRows { get; }

    /// <summary>The quality in words, beside the seasonal-naive forecast.</summary>
    /// <returns>Several lines, in invariant culture.</returns>
    public override string ToString()
    {
        var text = $"{Name}: {Errors}{Environment.NewLine}seasonal naive: {SeasonalNaive}";
        return Interval is null ? text : $"{text}{Environment.NewLine}{Interval}";
    }

    /// <summary>The quality as a table, beside the seasonal-naive forecast.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml() => Html.Section(Name,
    [
        ForecastHtml.ErrorTable("All forecasts", [("forecast", Errors, Interval), ("seasonal naive", SeasonalNaive, null)]),
        Html.Paragraph($"{NumberOfForecasts} forecasts compared, {NumberOfSkippedRows} rows skipped."),
    ]);
}

/// <summary>The parts of an evaluation, by position and by name.</summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed class ForecastPartCollection : IReadOnlyList<ForecastPart>, IDisplayed
{
    private readonly string _kind;
    private readonly IReadOnlyList<ForecastPart> _parts;

    internal ForecastPartCollection(string kind, IReadOnlyList<ForecastPart> parts) => (_kind, _parts) = (kind, parts);

    /// <summary>The number of parts.</summary>
    public int Count => _parts.Count;

    /// <summary>The part at a position.</summary>
    /// <param name="index">The position, from 0.</param>
    public ForecastPart this[int index] => _parts[index];

    /// <summary>The first part of a name.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    public ForecastPart this[string name] => _parts.FirstOrDefault(part => part.Name == name) ?? throw new KeyNotFoundException($"There is no part named '{name}'.");

    /// <summary>Goes through the parts.</summary>
    /// <returns>An enumerator.</returns>
    public IEnumerator<ForecastPart> GetEnumerator() => _parts.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>A table of the parts, with the mean absolute errors.</summary>
    /// <returns>Several lines, in invariant culture.</returns>
    public override string ToString()
        => TextTable.Of([_kind, "forecasts", "MAE", "naive MAE"],
            [.. _parts.Select(part => (string[])[part.Name, Html.Number(part.NumberOfForecasts), Html.Number(part.Errors.MeanAbsoluteError), Html.Number(part.SeasonalNaive.MeanAbsoluteError)])]);

    /// <summary>A table of the parts.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml() => Html.Section("Forecast", [ForecastHtml.PartTable(_kind, this)]);
}
