using Microsoft.ML;

namespace MLNetExtensions;

/// <summary>The names of the columns of a model: what scoring reads, and the label that training reads.</summary>
/// <param name="Feature">The features.</param>
/// <param name="Label">The label; null = there is none.</param>
/// <param name="Episode">The episodes of scored data; null = there is one.</param>
/// <param name="SupportLabel">The labels of scored data; null = the labelled rows are those of the training.</param>
internal sealed record FewShotColumns(string Feature, string? Label, string? Episode, string? SupportLabel)
{
    internal const string Probability = "Probability";

    internal static FewShotColumns Of(TransductiveFewShotTrainer.Options options) => new(options.FeatureColumnName, options.LabelColumnName, options.EpisodeColumnName, options.SupportLabelColumnName);

    internal InputColumn<float> FeatureColumn(int? size = null) => new(Feature, "feature", InputTypes.Number, InputShapes.Fixed, size);

    internal InputColumn<ulong>? LabelColumn => Label is null ? null : ClassLabels.Column(Label);

    internal InputColumn<string>? EpisodeColumn => Episode is null ? null : EpisodesIn(Episode);

    internal InputColumn<ulong>? SupportLabelColumn => SupportLabel is null ? null : new(SupportLabel, "support label", InputTypes.Key, InputShapes.Scalar);

    /// <summary>The column that says which rows are one problem.</summary>
    internal static InputColumn<string> EpisodesIn(string name) => new(name, "episode", InputTypes.Key | InputTypes.Text | InputTypes.Int32 | InputTypes.Int64, InputShapes.Scalar);

    /// <summary>The promise of PredictedLabel, Score and Probability.</summary>
    internal IEnumerable<SchemaShape.Column> Promise(SchemaShape inputSchema)
    {
        var label = SupportLabel ?? Label;
        return [.. ScoreColumns.PromiseClasses(inputSchema, label), ScoreColumns.PromiseNumbers(Probability, inputSchema, label)];
    }

    /// <summary>The columns, for data of the given schema: the index 0 is PredictedLabel (uint), 1 is Score (float), 2 is Probability (float).</summary>
    internal static IReadOnlyList<OutputColumn> Deliver(DataViewSchema inputSchema, ClassLabels labels) => [.. labels.GetOutputs(inputSchema, ScoreColumns.Kind.Clustering), labels.NumbersColumn(Probability)];

    /// <exception cref="FormatException">What a file holds names no columns.</exception>
    internal void Check()
    {
        if (string.IsNullOrEmpty(Feature) || Label is "" || Episode is "" || SupportLabel is "")
        {
            throw new FormatException("The options name no columns.");
        }
    }
}
