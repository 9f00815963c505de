using System.Globalization;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// The quality of anomaly scores and flags, row by row, and by event: a run of neighbouring anomalous rows of one series. What is not defined, such as recall without an anomalous row, is NaN.
/// </summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed class TimeSeriesAnomalyMetrics : IDisplayed
{
    internal TimeSeriesAnomalyMetrics()
    {
    }

    /// <summary>The part of the flagged rows that are anomalous; 0 where no row is flagged.</summary>
    public double Precision { get; internal init; }

    /// <summary>The part of the anomalous rows that are flagged.</summary>
    public double Recall { get; internal init; }

    /// <summary>The harmonic mean of precision and recall.</summary>
    public double F1Score { get; internal init; }

    /// <summary>The probability that an anomalous row has a larger score than a normal one. It depends on no threshold, and point adjustment does not touch it; 0.5 = by chance.</summary>
    public double AreaUnderRocCurve { get; internal init; }

    /// <summary>The area under the curve of precision over recall. It depends on no threshold, and point adjustment does not touch it; the part of anomalous rows = by chance.</summary>
    public double AveragePrecision { get; internal init; }

    /// <summary>The part of the events of which at least one row is flagged. Read it together with <see cref="NumberOfFalseAlarms"/>.</summary>
    public double EventRecall { get; internal init; }

    /// <summary>Whether flags were point-adjusted before <see cref="Precision"/>, <see cref="Recall"/> and <see cref="F1Score"/> were computed.</summary>
    public bool PointAdjustment { get; internal init; }

    /// <summary>The number of rows that were compared.</summary>
    public long NumberOfRows { get; internal init; }

    /// <summary>The number of anomalous rows among them.</summary>
    public long NumberOfAnomalousRows { get; internal init; }

    /// <summary>The number of events.</summary>
    public long NumberOfEvents { get; internal init; }

    /// <summary>The number of flagged rows, without point adjustment.</summary>
    public long NumberOfFlaggedRows { get; internal init; }

    /// <summary>The number of flagged rows that are not anomalous.</summary>
    public long NumberOfFalseAlarms { get; internal init; }

    /// <summary>The number of rows left out, because their label is missing or their score is NaN.</summary>
    public long NumberOfSkippedRows { get; internal init; }

    /// <summary>The metrics in words.</summary>
    /// <returns>Several lines, in invariant culture.</returns>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"""
            rows{(PointAdjustment ? " (point-adjusted: flatters)" : "")}: precision {Precision:G4}, recall {Recall:G4}, F1 {F1Score:G4}
            scores: area under the ROC curve {AreaUnderRocCurve:G4}, average precision {AveragePrecision:G4}
            events: {EventRecall:P1} of {NumberOfEvents} found, {NumberOfFalseAlarms} false alarms
            over {NumberOfRows} rows, {NumberOfAnomalousRows} of them anomalous, {NumberOfFlaggedRows} flagged; {NumberOfSkippedRows} rows skipped
            """);

    /// <summary>The metrics as a chart and a table.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml()
        => Html.Section("Anomaly detection",
        [
            Html.BarChart(PointAdjustment ? "By row (point-adjusted: flatters)" : "By row",
            [
                ("precision", Precision),
                ("recall", Recall),
                ("F1", F1Score),
                ("area under ROC curve", AreaUnderRocCurve),
                ("average precision", AveragePrecision),
            ], full: 1),
            Html.Table("Events",
            [
                ("events", NumberOfEvents),
                ("part of them found", EventRecall),
                ("false alarms", NumberOfFalseAlarms),
            ]),
            Html.Paragraph($"{NumberOfRows} rows compared, {NumberOfAnomalousRows} of them anomalous, {NumberOfFlaggedRows} flagged; {NumberOfSkippedRows} rows skipped."),
        ]);
}
