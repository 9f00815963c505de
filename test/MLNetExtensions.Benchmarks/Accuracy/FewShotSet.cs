using Microsoft.ML;
using MLNetExtensions.Torch;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>Rows to draw episodes from.</summary>
/// <param name="Name">The name of the set.</param>
/// <param name="Rows">The rows of the classes that episodes are drawn from.</param>
/// <param name="BaseMean">The mean feature of other classes, which the features were learned on; null = there are none.</param>
internal sealed record FewShotSet(string Name, LabelledRows Rows, float[]? BaseMean)
{
    /// <summary>Drawn characters of two alphabets, by 32 features of a small network that was trained on another one.</summary>
    public static FewShotSet Omniglot()
    {
        const int TestSplit = 1;
        var file = SafetensorsReader.Parse(File.ReadAllBytes(Repository.DataFile(Path.Combine("omniglot-eval", "omniglot-eval.safetensors"))));
        var features = file.ToArray<float>("features");
        var (width, split, classes) = ((int)file.Shape("features")[1], file.ToDoubles("split"), file.ToDoubles("class_id"));
        int[] rows = [.. split.Index().Where(item => item.Item == TestSplit).Select(item => item.Index)];
        return new("omniglot", new([.. rows.Select(row => features[(row * width)..((row + 1) * width)])], [.. rows.Select(row => (int)classes[row])]), file.ToArray<float>("base_mean"));
    }

    /// <summary>Handwritten digits, by their 64 pixels; all rows.</summary>
    public static FewShotSet Digits() => new("digits", ClassificationSet.AllDigits(), null);

    /// <summary>The same episodes for every method.</summary>
    public IDataView Draw(MLContext ml, int shots, int episodes, int seed) => ml.Clustering.DrawFewShotEpisodes(Rows.View(ml), shots: shots, numberOfEpisodes: episodes, seed: seed);
}
