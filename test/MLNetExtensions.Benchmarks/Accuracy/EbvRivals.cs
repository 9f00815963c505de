using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Trainers;
using Microsoft.ML.Trainers.FastTree;
using Microsoft.ML.Trainers.LightGbm;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>ML.NET's own classifiers with their own defaults; the linear ones on columns scaled to [0, 1], as their documentation advises.</summary>
internal static class EbvRivals
{
    /// <summary>The accuracy on the test rows, in percent, and the time of the training.</summary>
    public static IEnumerable<(string Name, double Accuracy, double Seconds)> Run(ClassificationSet set, int seed, int threads)
    {
        var ml = new MLContext(seed);
        var trainers = ml.MulticlassClassification.Trainers;
        yield return Fit("LbfgsMaximumEntropy", Scaled(trainers.LbfgsMaximumEntropy(new LbfgsMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = threads })));
        yield return Fit("SdcaMaximumEntropy", Scaled(trainers.SdcaMaximumEntropy(new SdcaMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = threads })));
        yield return Fit("LightGbm", trainers.LightGbm(new LightGbmMulticlassTrainer.Options { NumberOfThreads = threads }));
        yield return Fit("FastTree, one-versus-all", trainers.OneVersusAll(ml.BinaryClassification.Trainers.FastTree(new FastTreeBinaryTrainer.Options { NumberOfThreads = threads })));

        IEstimator<ITransformer> Scaled<TModel>(IEstimator<TModel> trainer)
            where TModel : class, ITransformer
            => ml.Transforms.NormalizeMinMax("Features").Append(trainer);

        (string, double, double) Fit(string name, IEstimator<ITransformer> pipeline)
        {
            Console.Error.WriteLine($"{set.Name}: {name}");
            var training = ml.Data.Cache(set.Training.View(ml));
            var clock = Stopwatch.StartNew();
            var model = pipeline.Fit(training);
            var seconds = clock.Elapsed.TotalSeconds;
            var scored = model.Transform(set.Test.View(ml));
            return (name, 100 * ml.MulticlassClassification.Evaluate(scored).MicroAccuracy, seconds);
        }
    }
}
