using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions;

/// <summary>The columns that a model has, besides PredictedLabel.</summary>
/// <param name="Scores">Whether Score is one of them.</param>
/// <param name="Top">The number of best classes to tell; 0 = without.</param>
/// <param name="Embedding">The name of the column of embeddings; null = none.</param>
/// <param name="Features">The name of the column of the trunk's features; null = none.</param>
/// <param name="Angle">The name of the column of angles; null = none.</param>
internal sealed record EbvOutputs(bool Scores, int Top, string? Embedding, string? Features, string? Angle)
{
    internal const string TopLabels = "TopLabels";
    internal const string TopScores = "TopScores";

    internal static EbvOutputs Of(EquiangularBasisVectorsTrainer.Options options)
        => new(options.OutputScores, options.NumberOfTopClasses, options.EmbeddingColumnName, options.TrunkFeaturesColumnName, options.AngleColumnName);

    /// <summary>The names, in the order of the columns.</summary>
    internal IEnumerable<string> Names
    {
        get
        {
            string?[] names = [ScoreColumns.PredictedLabel, Scores ? ScoreColumns.Score : null, Top > 0 ? TopLabels : null, Top > 0 ? TopScores : null, Embedding, Features, Angle];
            return names.OfType<string>();
        }
    }

    /// <summary>The place of a column among the outputs; -1 = it is none of them.</summary>
    internal int IndexOf(string? name) => name is null ? -1 : Names.ToList().IndexOf(name);

    /// <summary>The promise of the columns.</summary>
    internal static IEnumerable<SchemaShape.Column> Promise(SchemaShape inputSchema, string labelColumnName, EbvOutputs outputs)
    {
        var classes = ScoreColumns.PromiseClasses(inputSchema, labelColumnName);
        yield return classes[0];
        if (outputs.Scores)
        {
            yield return classes[1];
        }
        var values = SchemaShapes.Find(inputSchema, labelColumnName)!.Value.Annotations.Where(annotation => annotation.Name == AnnotationUtils.Kinds.KeyValues).ToArray();
        var numbers = new VectorDataViewType(NumberDataViewType.Single, 1);
        if (outputs.Top > 0)
        {
            yield return SchemaShapes.Keys(TopLabels, values);
            yield return SchemaShapes.Column(TopScores, numbers);
        }
        foreach (var name in new[] { outputs.Embedding, outputs.Features }.OfType<string>())
        {
            yield return SchemaShapes.Column(name, numbers);
        }
        if (outputs.Angle is not null)
        {
            yield return ScoreColumns.PromiseNumbers(outputs.Angle, inputSchema, labelColumnName);
        }
    }

    /// <summary>The columns, for data of the given schema.</summary>
    internal IReadOnlyList<OutputColumn> Deliver(DataViewSchema inputSchema, ClassLabels labels, int dimension, int features)
    {
        static OutputColumn<float> Numbers(string name, int size) => new(name, new VectorDataViewType(NumberDataViewType.Single, size));
        var classes = labels.GetOutputs(inputSchema);
        List<OutputColumn> columns = [classes[0]];
        if (Scores)
        {
            columns.Add(classes[1]);
        }
        if (Top > 0)
        {
            columns.Add(labels.KeysColumn(TopLabels, Top));
            columns.Add(Numbers(TopScores, Top));
        }
        if (Embedding is not null)
        {
            columns.Add(Numbers(Embedding, dimension));
        }
        if (Features is not null)
        {
            columns.Add(Numbers(Features, features));
        }
        if (Angle is not null)
        {
            columns.Add(labels.NumbersColumn(Angle));
        }
        return columns;
    }

    /// <exception cref="FormatException">What a file holds names no columns.</exception>
    internal void Check(int classes)
    {
        if (Top < 0 || Top > classes || Names.Any(name => name.Length == 0) || Names.Distinct().Count() != Names.Count())
        {
            throw new FormatException("The options describe no output columns.");
        }
    }
}
