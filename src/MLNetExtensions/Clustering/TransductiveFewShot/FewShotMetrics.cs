using System.Globalization;

namespace MLNetExtensions;

/// <summary>
/// The quality of predicted labels over episodes, or over one view without episodes. Support rows and rows without a label do not count; a row without a predicted label is wrong.
/// </summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed class FewShotMetrics : IDisplayed
{
    // Of the standard normal distribution, as published tables have it.
    internal const double Normal95 = 1.96;

    internal FewShotMetrics()
    {
    }

    /// <summary>The mean over the episodes of the part of their rows whose predicted label has the value of the true one: from 0 to 1.</summary>
    public double Accuracy { get; internal init; }

    /// <summary>Half the width of the 95 % interval of <see cref="Accuracy"/>: 1.96 standard deviations of the episodes' accuracies (divisor n) over the root of n. NaN for a single episode.</summary>
    public double AccuracyInterval { get; internal init; }

    /// <summary>
    /// The mutual information of classes and predicted clusters over the mean of their entropies, averaged over the episodes: from 0, unrelated, to 1, the same partition. It needs no names of clusters. Rows without a
    /// predicted label are a cluster of their own.
    /// </summary>
    public double NormalizedMutualInformation { get; internal init; }

    /// <summary>
    /// The part of the rows that are right when clusters are given the classes' names one to one in the best way (Hungarian method), averaged over the episodes: from 0 to 1. For clusters without names; where labels have names,
    /// it flatters.
    /// </summary>
    public double MatchedAccuracy { get; internal init; }

    /// <summary>The number of episodes; 1 without an episode column.</summary>
    public int NumberOfEpisodes { get; internal init; }

    /// <summary>The number of rows that were compared.</summary>
    public long NumberOfRows { get; internal init; }

    /// <summary>The number of rows among them that have no predicted label.</summary>
    public long NumberOfUnassignedRows { get; internal init; }

    /// <summary>The number of rows left out: support rows and those without a label.</summary>
    public long NumberOfSkippedRows { get; internal init; }

    /// <summary>The metrics in words.</summary>
    /// <returns>Several lines, in invariant culture.</returns>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"""
            accuracy {Accuracy:G4}{(NumberOfEpisodes > 1 ? string.Create(CultureInfo.InvariantCulture, $" +- {AccuracyInterval:G2} over {NumberOfEpisodes} episodes") : "")}
            normalised mutual information {NormalizedMutualInformation:G4}, matched accuracy {MatchedAccuracy:G4}
            over {NumberOfRows} rows, {NumberOfUnassignedRows} of them without a predicted label; {NumberOfSkippedRows} rows skipped
            """);

    /// <summary>A report in HTML that needs no other file: show it in a notebook or write it to a file.</summary>
    /// <returns>A section, well-formed as XML, in invariant culture.</returns>
    public string ToHtml()
        => Html.Section("Few-shot classification",
        [
            Html.BarChart("Parts of the rows, and of the information", [("accuracy", Accuracy), ("matched accuracy", MatchedAccuracy), ("mutual information", NormalizedMutualInformation)], full: 1),
            Html.Table("Episodes",
            [
                ("accuracy", Accuracy),
                ("95 % interval, half its width", AccuracyInterval),
                ("normalised mutual information", NormalizedMutualInformation),
                ("matched accuracy", MatchedAccuracy),
            ]),
            Html.Paragraph($"{NumberOfEpisodes} episodes, {NumberOfRows} rows compared, {NumberOfUnassignedRows} of them without a predicted label; {NumberOfSkippedRows} rows skipped."),
        ]);
}
