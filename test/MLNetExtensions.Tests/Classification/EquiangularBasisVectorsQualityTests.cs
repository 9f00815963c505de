using Microsoft.ML;
using Microsoft.ML.Transforms;
using MLNetExtensions.Tests.OwnModules;

namespace MLNetExtensions.Tests.Classification;

/// <summary>How good the classifier is on real data.</summary>
[TestClass]
public sealed class EquiangularBasisVectorsQualityTests
{
    /// <summary>ML.NET's LbfgsMaximumEntropy on the same split, columns scaled to [0, 1].</summary>
    private const double LogisticRegression = 0.962;

    [TestMethod]
    public void ReadsDigitsBetterThanLogisticRegression()
    {
        var ml = new MLContext(1);
        var (train, test) = Rows.Digits(ml);
        var keys = ml.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue);
        using var model = keys.Append(ml.MulticlassClassification.Trainers.EquiangularBasisVectors(new EquiangularBasisVectorsTrainer.Options
        {
            // All columns are pixels.
            Scaling = FeatureScaling.Global,
            MaximumNumberOfEpochs = 20,
            Seed = 1,
            NumberOfThreads = 1,
        })).Fit(train);
        var metrics = ml.MulticlassClassification.Evaluate(model.Transform(test));
        Console.WriteLine($"{metrics.MicroAccuracy} {metrics.LogLoss}");
        Assert.IsGreaterThan(LogisticRegression + 0.015, metrics.MicroAccuracy);
    }
}
