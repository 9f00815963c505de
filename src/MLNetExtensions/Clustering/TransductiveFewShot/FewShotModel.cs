using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>How the problem of <c>Fit</c> was solved.</summary>
/// <param name="Objective">The objective J after each round.</param>
/// <param name="Iterations">The number of rounds; of steps where the prototypes are fixed.</param>
/// <param name="Converged">Whether it came to rest before they were used up.</param>
/// <param name="Recall">The part of the nearest neighbours that was found, on a sample; null = all.</param>
/// <param name="Proportions">The share of each class among the rows without a label; empty where there are none.</param>
internal sealed record FewShotFit(IReadOnlyList<double> Objective, int Iterations, bool Converged, double? Recall, IReadOnlyList<double> Proportions);

/// <summary>What <c>Fit</c> learns.</summary>
internal sealed class FewShotModel
{
    private const string BaseMeanName = "base_mean";
    private const string PrototypesName = "prototypes";
    private const string ShiftName = "shift";
    private const string SupportName = "support";
    private const string SupportClassesName = "support_classes";

    /// <summary>How problems are solved.</summary>
    internal required FewShotSettings Settings { get; init; }

    /// <summary>What random numbers follow from.</summary>
    internal required int Seed { get; init; }

    /// <summary>The base mean, [D].</summary>
    internal required float[] BaseMean { get; init; }

    /// <summary>For each class of the problem of <c>Fit</c> its number among the classes of the label, ascending; empty where scored data brings its own labels.</summary>
    internal required int[] Classes { get; init; }

    /// <summary>The number of these that have labelled rows: the first ones. The others are clusters.</summary>
    internal required int LabelledClasses { get; init; }

    internal int Clusters => Classes.Length - LabelledClasses;

    /// <summary>The prototypes of these classes, [K, D], transformed.</summary>
    internal required float[] Prototypes { get; init; }

    /// <summary>By what rows without a label were moved, [D].</summary>
    internal required float[] Shift { get; init; }

    /// <summary>The width of the modes.</summary>
    internal required double Sigma { get; init; }

    /// <summary>The features of the labelled rows, [n, D], as they were read.</summary>
    internal required float[] Support { get; init; }

    /// <summary>The classes of the labelled rows, by their places in <see cref="Classes"/>, [n].</summary>
    internal required int[] SupportClasses { get; init; }

    internal required FewShotFit Fit { get; init; }

    internal int Dimension => BaseMean.Length;

    /// <summary>
    /// The prototypes that so many problems begin with: those of the clusters, so that their numbers go on meaning the same. The classes begin with the means of their labelled rows, which NaN stands for;
    /// null = there are no clusters.
    /// </summary>
    internal FewShotSeeds? Seeds(int problems)
    {
        if (Clusters == 0)
        {
            return null;
        }
        var seeds = (float[])Prototypes.Clone();
        seeds.AsSpan(0, LabelledClasses * Dimension).Fill(float.NaN);
        return FewShotSeeds.Same(seeds, problems);
    }

    /// <summary>What options.json holds.</summary>
    internal SavedFewShotModel Saved => new(Settings, Seed, Dimension, Classes, LabelledClasses, Sigma, SupportClasses.Length, Fit);

    /// <summary>What weights.safetensors holds. A dispose scope must be open.</summary>
    internal IEnumerable<KeyValuePair<string, Tensor>> Weights =>
    [
        new(BaseMeanName, ConstantTensor.Of<float>(BaseMean, ScalarType.Float32, Dimension)),
        new(PrototypesName, ConstantTensor.Of<float>(Prototypes, ScalarType.Float32, Classes.Length, Dimension)),
        new(ShiftName, ConstantTensor.Of<float>(Shift, ScalarType.Float32, Dimension)),
        new(SupportName, ConstantTensor.Of<float>(Support, ScalarType.Float32, SupportClasses.Length, Dimension)),
        new(SupportClassesName, ConstantTensor.Of<int>(SupportClasses, ScalarType.Int32, SupportClasses.Length)),
    ];

    /// <summary>Reads what <see cref="Saved"/> and <see cref="Weights"/> wrote. A dispose scope must be open.</summary>
    /// <param name="saved">The options.</param>
    /// <param name="weights">The tensors.</param>
    /// <param name="classes">The number of classes of the label.</param>
    /// <exception cref="FormatException">They do not fit together.</exception>
    internal static FewShotModel Load(SavedFewShotModel saved, IReadOnlyDictionary<string, Tensor> weights, int classes)
    {
        saved.Check(classes);
        var left = weights.ToDictionary();
        var (count, dimension) = (saved.Classes.Count, saved.Dimension);
        var model = new FewShotModel
        {
            Settings = saved.Settings,
            Seed = saved.Seed,
            BaseMean = ModelReader.TakeArray<float>(left, BaseMeanName, ScalarType.Float32, dimension),
            Classes = [.. saved.Classes],
            LabelledClasses = saved.LabelledClasses,
            Prototypes = ModelReader.TakeArray<float>(left, PrototypesName, ScalarType.Float32, count, dimension),
            Shift = ModelReader.TakeArray<float>(left, ShiftName, ScalarType.Float32, dimension),
            Sigma = saved.Sigma,
            Support = ModelReader.TakeArray<float>(left, SupportName, ScalarType.Float32, saved.SupportRows, dimension),
            SupportClasses = ModelReader.TakeArray<int>(left, SupportClassesName, ScalarType.Int32, saved.SupportRows),
            Fit = saved.Fit,
        };
        if (left.Count > 0)
        {
            throw new FormatException($"The weights hold the unknown tensor '{left.Keys.First()}'.");
        }
        if (model.SupportClasses.AsSpan().ContainsAnyExceptInRange(0, saved.LabelledClasses - 1) || model.SupportClasses.Distinct().Count() != saved.LabelledClasses)
        {
            throw new FormatException("The labelled rows are not of the classes that the options name.");
        }
        foreach (var values in new[] { model.BaseMean, model.Prototypes, model.Shift, model.Support })
        {
            if (!values.All(float.IsFinite))
            {
                throw new FormatException("The weights hold values that are not finite.");
            }
        }
        return model;
    }
}

/// <summary>What the options of a model file say of a <see cref="FewShotModel"/>.</summary>
internal sealed record SavedFewShotModel(FewShotSettings Settings, int Seed, int Dimension, IReadOnlyList<int> Classes, int LabelledClasses, double Sigma, int SupportRows, FewShotFit Fit)
{
    /// <exception cref="FormatException">The numbers do not fit together.</exception>
    internal void Check(int classes)
    {
        var ascending = Classes.Zip(Classes.Skip(1)).All(pair => pair.First < pair.Second);
        if (Dimension < 1 || !ascending || (Classes.Count > 0 && (Classes[0] < 0 || Classes[^1] >= classes)) || LabelledClasses < 0 || LabelledClasses > Classes.Count || SupportRows < LabelledClasses
            || (LabelledClasses == 0 && SupportRows > 0) || !(Sigma > 0 && double.IsFinite(Sigma)) || (Fit.Proportions.Count != 0 && Fit.Proportions.Count != classes))
        {
            throw new FormatException("The options describe no few-shot model.");
        }
        double[] weights = [Settings.Lambda, Settings.InnerTolerance, Settings.OuterTolerance, Settings.MeanShiftTolerance];
        double[] widths = [Settings.Temperature, Settings.Sigma ?? 1, Settings.KernelWidth ?? 1, Settings.SigmaDivisor, Settings.MaxInner, Settings.MaxOuter, Settings.MeanShiftMax, Settings.Restarts];
        if (!weights.All(value => value >= 0 && double.IsFinite(value)) || !widths.All(value => value > 0 && double.IsFinite(value)) || Settings.NeighborCount < 0 || Settings.SoftMeansFromRound < 0)
        {
            throw new FormatException("The options hold settings out of their range.");
        }
    }
}
