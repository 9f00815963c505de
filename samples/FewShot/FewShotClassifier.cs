using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using MLNetExtensions;

namespace FewShot;

/// <summary>What the model says of a drawing.</summary>
internal sealed class CharacterPrediction
{
    public string Class { get; set; } = "";

    public string Predicted { get; set; } = "";
}

/// <summary>From features to characters.</summary>
internal static class FewShotClassifier
{
    private const string Truth = "Truth";

    /// <summary>Small problems: in each five new characters, of which some drawings are shown with their names and others are asked.</summary>
    public static IDataView DrawEpisodes(MLContext mlContext, IDataView embedded, int shots, int numberOfEpisodes)
    {
        var named = mlContext.Transforms.Conversion.MapValueToKey("Label", nameof(CharacterImage.Class)).Fit(embedded).Transform(embedded);
        return mlContext.Clustering.DrawFewShotEpisodes(named, ways: 5, shots: shots, queries: 15, numberOfEpisodes: numberOfEpisodes, featureColumnName: Embedding.Features);
    }

    /// <summary>The method with its defaults: the drawings that are asked are looked at together.</summary>
    public static TransductiveFewShotTrainer.Options Together(float[] baseMean, FewShotSettings settings) => new() { BaseMean = baseMean, CancellationToken = settings.CancellationToken };

    /// <summary>Each drawing by itself: the nearest mean of the drawings that are shown.</summary>
    public static TransductiveFewShotTrainer.Options Alone(float[] baseMean, FewShotSettings settings)
    {
        var options = Together(baseMean, settings);
        (options.Prototype, options.Lambda, options.ShiftQueries) = (FewShotPrototype.Fixed, 0, false);
        return options;
    }

    /// <summary>The accuracy over episodes.</summary>
    public static FewShotMetrics EvaluateEpisodes(MLContext mlContext, TransductiveFewShotTrainer.Options options, IDataView episodes)
    {
        // What is shown comes with each episode: nothing is learned beforehand.
        options.LabelColumnName = null;
        options.EpisodeColumnName = "Episode";
        options.SupportLabelColumnName = "SupportLabel";
        var model = mlContext.Clustering.Trainers.TransductiveFewShot(options).Fit(episodes);
        return mlContext.Clustering.EvaluateFewShot(model.Transform(episodes), episodeColumnName: "Episode", supportLabelColumnName: "SupportLabel");
    }

    /// <summary>The model of one problem, from features to names: some drawings have a name in the column Shown, where the others have nothing.</summary>
    public static TransformerChain<KeyToValueMappingTransformer> Train(MLContext mlContext, TransductiveFewShotTrainer.Options options, IDataView embedded)
    {
        options.FeatureColumnName = Embedding.Features;
        return mlContext.Transforms.Conversion.MapValueToKey("Label", nameof(CharacterImage.Shown), keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
            .Append(mlContext.Clustering.Trainers.TransductiveFewShot(options))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue(nameof(CharacterPrediction.Predicted), "PredictedLabel"))
            .Fit(embedded);
    }

    /// <summary>What a model says of each drawing.</summary>
    public static CharacterPrediction[] Predict(MLContext mlContext, ITransformer model, IDataView data)
        => [.. mlContext.Data.CreateEnumerable<CharacterPrediction>(model.Transform(data), reuseRowObject: false)];

    /// <summary>The accuracy of a model on drawings that it was not shown.</summary>
    public static FewShotMetrics Evaluate(MLContext mlContext, ITransformer model, IDataView data)
    {
        var scored = model.Transform(data);
        return mlContext.Clustering.EvaluateFewShot(mlContext.Transforms.Conversion.MapValueToKey(Truth, nameof(CharacterImage.Class)).Fit(scored).Transform(scored), Truth);
    }
}
