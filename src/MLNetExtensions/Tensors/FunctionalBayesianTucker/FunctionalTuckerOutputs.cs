using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.Tensors;

/// <summary>The columns that a model has: Score, ScoreStdDev, LatentStdDev and perhaps bounds, in this order.</summary>
/// <param name="LowerBound">The name of the column of lower bounds; null = without bounds.</param>
/// <param name="UpperBound">The name of the column of upper bounds; null = without bounds.</param>
/// <param name="ConfidenceLevel">The probability with which a label should lie between the bounds.</param>
internal sealed record FunctionalTuckerOutputs(string? LowerBound, string? UpperBound, double ConfidenceLevel)
{
    internal const string ScoreDeviation = "ScoreStdDev";
    internal const string LatentDeviation = "LatentStdDev";

    internal static FunctionalTuckerOutputs Of(FunctionalBayesianTuckerTrainer.Options options)
        => new(options.ConfidenceLowerBoundColumnName, options.ConfidenceUpperBoundColumnName, options.ConfidenceLevel);

    internal bool HasBounds => LowerBound is not null;

    /// <exception cref="ArgumentOutOfRangeException">A bound is named alone, or two columns have the same name.</exception>
    internal void CheckNames(IExceptionContext context)
    {
        Check.Option(context, LowerBound is not "", LowerBound, "Must be the name of a column, or null", $"options.{nameof(FunctionalBayesianTuckerTrainer.Options.ConfidenceLowerBoundColumnName)}");
        Check.Option(context, UpperBound is not "" && UpperBound is null == LowerBound is null, UpperBound, "Must be the name of a column, or null, together with that of the lower bound",
            $"options.{nameof(FunctionalBayesianTuckerTrainer.Options.ConfidenceUpperBoundColumnName)}");
        if (Names.GroupBy(name => name).FirstOrDefault(names => names.Count() > 1) is { } twice)
        {
            throw context.Process(new ArgumentOutOfRangeException("options", twice.Key, "Two output columns must not have the same name"));
        }
    }

    internal IEnumerable<SchemaShape.Column> Promise()
    {
        yield return ScoreColumns.Promise(NumberDataViewType.Single);
        yield return SchemaShapes.Column(ScoreDeviation, NumberDataViewType.Single);
        yield return SchemaShapes.Column(LatentDeviation, NumberDataViewType.Single);
        foreach (var name in Bounds)
        {
            yield return SchemaShapes.Column(name, NumberDataViewType.Single, ConfidenceLevels.Promise);
        }
    }

    internal IReadOnlyList<OutputColumn> Deliver(DataViewSchema inputSchema) =>
    [
        ScoreColumns.Deliver(inputSchema, NumberDataViewType.Single, ScoreColumns.Kind.Regression),
        new OutputColumn<float>(ScoreDeviation, NumberDataViewType.Single),
        new OutputColumn<float>(LatentDeviation, NumberDataViewType.Single),
        .. Bounds.Select(name =>
        {
            var annotations = new DataViewSchema.Annotations.Builder();
            ConfidenceLevels.AddTo(annotations, ConfidenceLevel);
            return new OutputColumn<float>(name, NumberDataViewType.Single, annotations.ToAnnotations());
        }),
    ];

    /// <exception cref="FormatException">What a file holds names no columns.</exception>
    internal void CheckContent()
    {
        if (!(ConfidenceLevel is > 0 and < 1) || LowerBound is null != UpperBound is null || Names.Any(name => name.Length == 0) || Names.Distinct().Count() != Names.Count())
        {
            throw new FormatException("The options describe no output columns.");
        }
    }

    private IEnumerable<string> Bounds => new[] { LowerBound, UpperBound }.OfType<string>();

    private IEnumerable<string> Names => [ScoreColumns.Score, ScoreDeviation, LatentDeviation, .. Bounds];
}
