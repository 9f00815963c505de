using System.CommandLine;
using Microsoft.ML;
using Microsoft.ML.Transforms;
using MLNetExtensions.TimeSeries;
using TimeSeries;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>Nine speakers, told apart by short series of twelve channels and different lengths: the archive's own split, with the epoch chosen by a part of the training file.</summary>
internal static class JapaneseVowels
{
    private const int DefaultEpochs = 60;

    public static Command Command()
    {
        var seed = new Option<int>("--seed") { Description = "The seed.", DefaultValueFactory = _ => 1 };
        var epochs = new Option<int>("--epochs") { Description = "The most epochs to train.", DefaultValueFactory = _ => DefaultEpochs };
        var refit = new Option<bool>("--refit") { Description = "Whether to train anew on all training series when the best epoch is known.", DefaultValueFactory = _ => true };
        var threads = new Option<int?>("--threads") { Description = "The number of threads. Without it: the number of cores." };
        var command = new Command("timesnet-vowels", "TimesNet on Japanese vowels: accuracy on the test file in percent. The epoch is chosen by a fifth of the training file.") { seed, epochs, refit, threads };
        command.SetAction(arguments => Console.WriteLine($"timesnet-vowels accuracy={Run(arguments.GetValue(seed), arguments.GetValue(threads), arguments.GetValue(epochs), arguments.GetValue(refit)):F2}"));
        return command;
    }

    /// <summary>Trains and tests.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="threads">The number of threads; null: the number of cores.</param>
    /// <param name="epochs">The most epochs to train.</param>
    /// <param name="refit">Whether to train anew on all training series when the best epoch is known.</param>
    /// <returns>The accuracy on the test file, in percent.</returns>
    public static double Run(int seed, int? threads, int epochs = DefaultEpochs, bool refit = true)
    {
        var ml = new MLContext(seed);
        var (training, channels) = LabelledSeries.Load(ml, Repository.DataFile("japanese-vowels/train.csv.gz"));
        var (test, _) = LabelledSeries.Load(ml, Repository.DataFile("japanese-vowels/test.csv.gz"));
        var elapsed = new ForecastRun.LastElapsed();
        var pipeline = ml.Transforms.Conversion.MapValueToKey("Label", nameof(LabelledSeries.Class), keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
            .Append(ml.MulticlassClassification.Trainers.TimesNet(new TimesNetClassificationTrainer.Options
            {
                NumberOfChannels = channels,
                MaximumNumberOfEpochs = epochs,
                Network = { Width = 16, HiddenWidth = 32 },
                RefitOnAllRows = refit,
                Seed = seed,
                NumberOfThreads = threads,
                Progress = elapsed,
            }));
        using var model = pipeline.Fit(ml.Data.LoadFromEnumerable(training));
        var metrics = ml.MulticlassClassification.Evaluate(model.Transform(ml.Data.LoadFromEnumerable(test)));
        Console.WriteLine($"{training.Length} training series, {test.Length} test series, weights of epoch {elapsed.BestEpoch}, {elapsed.Seconds / elapsed.Epochs:F2} s per epoch, seed {seed}");
        Finding.Add("Japanese vowels, 9 speakers", "pack", "accuracy, %", 100 * metrics.MicroAccuracy, elapsed.Seconds);
        return 100 * metrics.MicroAccuracy;
    }
}
