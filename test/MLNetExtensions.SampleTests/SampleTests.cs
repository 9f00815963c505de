using System.Globalization;
using System.Text.RegularExpressions;
using MLNetExtensions.SampleTests.Browser;
using MLNetExtensions.Tests;
using MLNetExtensions.Tests.Golden;

namespace MLNetExtensions.SampleTests;

/// <summary>The samples and the benchmarks, started as a user starts them: from the root of the repository, from the sources.</summary>
[TestClass]
public sealed partial class SampleTests
{
    private const int SmallestPlot = 10 * 1024;
    private const string Data = "national_illness.csv";

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);
    private static readonly byte[] s_png = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    private DirectoryInfo _folder = null!;

    private static string DataFile
    {
        get
        {
            var path = Path.Combine(GoldenFiles.SharedFolder, "data", Data);
            if (!File.Exists(path))
            {
                Assert.Inconclusive($"No file '{path}'.");
            }
            return path;
        }
    }

    [TestInitialize]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("MLNetExtensionsTests");

    [TestCleanup]
    public void DeleteFolder() => _folder.Delete(recursive: true);

    // ---- Forecasting ----

    [TestMethod]
    public void ForecastingOfTheMadeData()
    {
        var result = Forecasting("--epochs", "2", "--width", "16").Succeeded();
        AssertFiles(result, "LoadForecasting.mlnet", "LoadForecasting.online.mlnet", "forecast.png", "error-by-step.png", "influence.png");
        Must.Contain(result.Output, "6 channels", "Epoch 2/2", "bit for bit", "MASE", "between the bounds of 90 %", "equal those of Transform", "72 rows ahead", "goes on from the same row");
    }

    [TestMethod]
    public void ForecastingOfAFile()
    {
        var result = Forecasting("--data", DataFile, "--columns", "OT,AGE 0-4", "--window", "36", "--horizon", "12", "--season", "52", "--epochs", "2", "--width", "16").Succeeded();
        AssertFiles(result, "LoadForecasting.mlnet", "forecast.png", "error-by-step.png", "influence.png");
        Must.Contain(result.Output, "2 channels (OT, AGE 0-4)", "52 rows before");
    }

    [TestMethod]
    public void ForecastingByTimesNet()
    {
        var result = Forecasting("--model", "timesnet", "--data", DataFile, "--window", "36", "--horizon", "12", "--season", "52", "--epochs", "2", "--width", "8").Succeeded();
        AssertFiles(result, "LoadForecasting.mlnet", "LoadForecasting.online.mlnet", "forecast.png", "error-by-step.png");
        Must.Contain(result.Output, "Training of TimesNet", "Epoch 2/2", "bit for bit", "equal those of Transform", "36 rows ahead", "goes on from the same row");
        Assert.DoesNotContain("influence.png", result.Output);
    }

    [TestMethod]
    [DataRow("absent.csv", null, "absent.csv")]
    [DataRow("empty.csv", "", "empty.csv")]
    [DataRow("text.csv", "a,b\nx,y\nx,y\n", "No column")]
    [DataRow("short.csv", "a,b\n1,2\n3,4\n5,6\n", "too few")]
    [DataRow("ragged.csv", "a,b\n1\n", "different numbers of fields")]
    [DataRow("gap.csv", null, "row 100")]
    public void ABadFileIsAnErrorWithoutAStackTrace(string name, string? content, string part)
    {
        var path = Path.Combine(_folder.FullName, name);
        if (name == "gap.csv")
        {
            content = "a,b\n" + string.Concat(Enumerable.Range(0, 400).Select(i => string.Create(CultureInfo.InvariantCulture, $"{i % 7},{(i == 100 ? "" : i)}\n")));
        }
        if (content is not null)
        {
            File.WriteAllText(path, content);
        }
        var result = Forecasting("--data", path, "--window", "12", "--horizon", "3", "--epochs", "1");
        AssertError(result, part);
    }

    // ---- Anomaly detection ----

    [TestMethod]
    public void AnomalyDetectionOfTheMadeData()
    {
        var result = Run("samples/AnomalyDetection", "--epochs", "2", "--width", "8", "--output", Output).Succeeded();
        AssertFiles(result, "DemandAnomalies.mlnet", "alerts.png");
        Must.Contain(result.Output, "8640 rows of 'demand'", "Epoch 2/2", "bit for bit", "rows are alerts", "of 8 found", "evaluator agrees");
    }

    [TestMethod]
    public void AnomalyDetectionOfACompressedFile()
    {
        var path = Path.Combine(GoldenFiles.SharedFolder, "data", "nab", "ec2_request_latency_system_failure.csv.gz");
        if (!File.Exists(path))
        {
            Assert.Inconclusive($"No file '{path}'.");
        }
        var result = Run("samples/AnomalyDetection", "--data", path, "--column", "value", "--label", "anomaly_window", "--epochs", "1", "--width", "8", "--output", Output).Succeeded();
        AssertFiles(result, "DemandAnomalies.mlnet", "alerts.png");
        Must.Contain(result.Output, "4032 rows of 'value'", "of 3 found");
        result = Run("samples/AnomalyDetection", "--data", path, "--column", "nothing", "--output", Output);
        Assert.AreEqual(1, result.ExitCode, result.ToString());
        Must.Contain(result.Errors, "Error: ", "no column 'nothing'", "anomaly_window");
        Assert.DoesNotContain("   at ", result.ToString());
    }

    // ---- Time series ----

    [TestMethod]
    public void TimeSeriesClassification()
    {
        var result = Run("samples/TimeSeries", "classify", "--epochs", "2", "--width", "8", "--output", Output).Succeeded();
        AssertFiles(result, "classification.mlnet", "classification.png");
        Must.Contain(result.Output, "washing machine");
    }

    [TestMethod]
    public void TimeSeriesImputation()
    {
        var result = Run("samples/TimeSeries", "impute", "--epochs", "2", "--width", "8", "--output", Output).Succeeded();
        AssertFiles(result, "Imputation.mlnet", "gaps.png");
        Must.Contain(result.Output, "Epoch 2/2", "bit for bit", "temperature");
    }

    // ---- Tensor decomposition ----

    [TestMethod]
    public void TensorDecompositionOfTheMadeData()
    {
        var result = TensorDecomposition("--rank", "3", "--iterations", "10").Succeeded();
        AssertFiles(result, "ContinuousField.mlnet", "ContinuousField.updated.mlnet", "functions.png", "slice.png");
        Must.Contain(result.Output, "4400 values of 'temperature'", "Length scales", "bit for bit", "coverage", "own evaluator agrees", "no old row was needed");
    }

    [TestMethod]
    public void TensorDecompositionOfACompressedFile()
    {
        var path = Path.Combine(GoldenFiles.SharedFolder, "data", "funbat_synthetic2.csv.gz");
        if (!File.Exists(path))
        {
            Assert.Inconclusive($"No file '{path}'.");
        }
        var result = TensorDecomposition("--data", path, "--columns", "x1,x2", "--value", "y", "--form", "Tucker", "--smoothness", "Matern52", "--rank", "2", "--iterations", "5").Succeeded();
        AssertFiles(result, "ContinuousField.mlnet", "functions.png", "slice.png");
        Must.Contain(result.Output, "1300 values of 'y' over x1, x2");
        AssertError(TensorDecomposition("--data", path, "--columns", "x1,nothing", "--value", "y"), "no column 'nothing'");
    }

    private ChildProcess.Result TensorDecomposition(params string[] arguments) => Run("samples/TensorDecomposition", [.. arguments, "--output", Output]);

    // ---- DataFrames ----

    [TestMethod]
    public void DataFrames()
    {
        var lines = Run("samples/DataFrames").Succeeded().Lines;
        Assert.HasCount(2, lines.Where(line => line.StartsWith("Temperature", StringComparison.Ordinal)).ToArray());
        Assert.HasCount(1 + 3 + 1 + 12, lines);
    }

    // ---- Own modules ----

    [TestMethod]
    public void OwnModule()
    {
        var lines = Run("samples/OwnModule").Succeeded().Lines;
        var accuracy = Regex.Match(lines.Single(line => line.StartsWith("Accuracy", StringComparison.Ordinal)), @"([\d.]+) %").Groups[1].Value;
        Assert.IsGreaterThan(95, double.Parse(accuracy, CultureInfo.InvariantCulture));
        Assert.IsTrue(lines.Any(line => line.Contains("600 of 600 scores are the same", StringComparison.Ordinal)));
    }

    // ---- Image classification ----

    [TestMethod]
    public async Task ImageClassificationOfTheMadeImages()
    {
        var result = ImageClassification("--epochs", "4").Succeeded();
        AssertFiles(result, "ImageClassifier.mlnet", "ImageClassifier.more.mlnet", "examples.png", "confusion.png", "neural-collapse.png", "report.html");
        Must.Contain(result.Output, "'star' is held back", "Epoch 4/4", "bit for bit", "NC1", "no predicted label", "Added 'star' from 20 images");
        Must.Contain(File.ReadAllText(Path.Combine(Output, "report.html")), "accuracy", "recall", "&#39;star&#39;");
        await ReportPage.AssertAsync(Path.Combine(Output, "report.html"), charts: 3, tables: 3);
    }

    [TestMethod]
    public void ImageClassificationOfFiles()
    {
        WriteImages("train", 60);
        WriteImages("t10k", 30);
        var result = ImageClassification("--data", _folder.FullName, "--names", "bar,dot,<empty>", "--epochs", "2").Succeeded();
        AssertFiles(result, "ImageClassifier.mlnet", "examples.png", "report.html");
        Must.Contain(result.Output, "60 images for training and 30 for the test, 12 x 9", "Epoch 2/2");
        Must.Contain(File.ReadAllText(Path.Combine(_folder.FullName, "output", "report.html")), "&lt;empty&gt;");
    }

    [TestMethod]
    public void ImagesThatAreNotThereOrCutOffAreAnErrorWithoutAStackTrace()
    {
        AssertError(ImageClassification("--data", _folder.FullName), "train-images-idx3-ubyte");
        WriteImages("train", 60);
        WriteImages("t10k", 30);
        var path = Path.Combine(_folder.FullName, "t10k-images-idx3-ubyte");
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^1]);
        AssertError(ImageClassification("--data", _folder.FullName, "--names", "bar,dot,empty"), "cut off");
        AssertError(ImageClassification("--hold-back", "nothing"), "'nothing'");
    }

    private ChildProcess.Result ImageClassification(params string[] arguments) => Run("samples/ImageClassification", [.. arguments, "--output", Path.Combine(_folder.FullName, "output")]);

    /// <summary>Images of a bar, a dot and nothing in turn, 12 x 9, and their labels, under the names of Fashion-MNIST.</summary>
    private void WriteImages(string part, int count)
    {
        const int Height = 12, Width = 9;
        var random = new Random(count);
        var images = new byte[count * Height * Width];
        random.NextBytes(images);
        for (var i = 0; i < images.Length; i++)
        {
            var (row, column) = (i / Width % Height, i % Width);
            var isInk = (i / (Height * Width) % 3) switch { 0 => column is 4 or 5, 1 => row is > 3 and < 8 && column is > 2 and < 6, _ => false };
            images[i] = (byte)(images[i] / 8 + (isInk ? 200 : 0));
        }
        File.WriteAllBytes(Path.Combine(_folder.FullName, $"{part}-images-idx3-ubyte"), [0, 0, 8, 3, 0, 0, 0, (byte)count, 0, 0, 0, Height, 0, 0, 0, Width, .. images]);
        File.WriteAllBytes(Path.Combine(_folder.FullName, $"{part}-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, (byte)count, .. Enumerable.Range(0, count).Select(i => (byte)(i % 3))]);
    }

    // ---- ONNX ----

    [TestMethod]
    public void OnnxDeployment()
    {
        AssertError(Run("samples/OnnxDeployment/Scorer", Output), "forecast.onnx");
        var trained = Run("samples/OnnxDeployment/Trainer", Output).Succeeded();
        Must.Contain(trained.Output, "ONNX opset 20", "output Forecast: Single [rows, 6, 2]", "output PredictedLabel: UInt32 [rows, 1]");
        var scored = Run("samples/OnnxDeployment/Scorer", Output).Succeeded();
        Must.Contain(scored.Output, "Looks back on 48 readings of 2 channels, 6 steps ahead", "49 forecasts", "states of sound, worn bearing, dry are right");
        var difference = Regex.Match(scored.Output, @"own is ([\d.E+-]+)\.").Groups[1].Value;
        Assert.IsLessThan(1e-4, double.Parse(difference, CultureInfo.InvariantCulture));
        // Neither of them is beside the scorer.
        var files = Directory.GetFiles(Path.Combine(GoldenFiles.RepositoryRoot, "samples", "OnnxDeployment", "Scorer", "bin", "Release"), "*.dll", SearchOption.AllDirectories).Select(Path.GetFileName).ToArray();
        Assert.Contains("Microsoft.ML.OnnxRuntime.dll", files);
        Assert.IsFalse(files.Any(name => name!.Contains("Torch", StringComparison.OrdinalIgnoreCase) || name.Contains("MLNetExtensions", StringComparison.Ordinal)));
    }

    // ---- Few-shot ----

    [TestMethod]
    public void FewShotOfMadeCharacters()
    {
        var result = Run("samples/FewShot", "--epochs", "4", "--episodes", "20", "--output", Output).Succeeded();
        AssertFiles(result, "FewShot.mlnet", "drawings.png", "embedding-before.png", "embedding-after.png");
        Must.Contain(result.Output, "360 of 12 new ones", "Epoch 4/4", "20 times five", "all drawings together", "The objective goes from", "bit for bit", "of 25 drawings");
    }

    [TestMethod]
    public void FewShotOfFiles()
    {
        _ = DataFile;
        var result = Run("samples/FewShot", "--data", Path.Combine(GoldenFiles.SharedFolder, "data", "omniglot136"), "--epochs", "1", "--episodes", "5", "--output", Output).Succeeded();
        AssertFiles(result, "FewShot.mlnet", "embedding-after.png");
        Must.Contain(result.Output, "2000 drawings of 100 characters", "720 of 36 new ones, 28 x 28");
        AssertError(Run("samples/FewShot", "--data", "nothing", "--output", Output), "nothing-images.idx3.gz");
    }

    private static void AssertError(ChildProcess.Result result, string part)
    {
        Assert.AreEqual(1, result.ExitCode, result.ToString());
        Must.Contain(result.Errors, "Error: ", part);
        Assert.DoesNotContain("   at ", result.ToString());
        Assert.DoesNotContain("Exception", result.ToString());
    }

    // ---- Tensor completion ----

    [TestMethod]
    public void TensorCompletionOfTheMadeRatings()
    {
        var result = Run("samples/TensorCompletion", "--base", "cp", "--seeds", "1", "--output", Output).Succeeded();
        AssertFiles(result, "CellValues.mlnet", "errors.png", "importances.png");
        Must.Contain(result.Output, "4000 of 28800 cells", "120 User x 60 Film x 4 Time", "bit for bit", "without augmentation", "with augmentation (DAIN)", "Time: ", "that are known:");
    }

    [TestMethod]
    public void TensorCompletionOfAFile()
    {
        var path = Path.Combine(_folder.FullName, "cells.csv");
        var cells = from place in Enumerable.Range(0, 12) from day in Enumerable.Range(0, 20) from hour in Enumerable.Range(0, 4) where (place + day + hour) % 3 != 0 select FormattableString.Invariant($"{day},place {place},x,{hour},{place * (1 + hour) + day % 7}");
        File.WriteAllLines(path, cells.Prepend("day,place,note,hour,cars"));
        var result = Run("samples/TensorCompletion", "--data", path, "--modes", "place,day,hour", "--value", "cars", "--epochs", "3", "--seeds", "1", "--output", Output).Succeeded();
        AssertFiles(result, "CellValues.mlnet", "errors.png", "importances.png");
        Must.Contain(result.Output, "640 of 960 cells", "12 place x 20 day x 4 hour", "Epoch 3/3");
        AssertError(Run("samples/TensorCompletion", "--data", path, "--modes", "place,week"), "'week'");
        AssertError(Run("samples/TensorCompletion", "--data", Path.Combine(_folder.FullName, "absent.csv")), "absent.csv");
    }

    // ---- Benchmarks ----

    [TestMethod]
    public void AccuracyOfAFile()
        => AssertLastLine("olinear", ["mse", "mae", "seconds_per_epoch"], "accuracy", "olinear", "--data", DataFile, "--window", "12", "--horizon", "3", "--epochs", "1", "--width", "16", "--batch", "64", "--threads", "1");

    [TestMethod]
    public void AccuracyOfTimesNetOnAFile()
        => AssertLastLine("timesnet", ["mse", "mae", "seconds_per_epoch"], "accuracy", "timesnet", "--data", DataFile, "--window", "12", "--horizon", "3", "--epochs", "1", "--width", "4", "--kernels", "2",
            "--time-column", "date", "--time-features", "Week,Month", "--threads", "1");

    [TestMethod]
    public void AccuracyOfTasksOnNab()
    {
        _ = DataFile;
        var line = Run("test/MLNetExtensions.Benchmarks", "accuracy", "timesnet-tasks", "--part", "nab", "--threads", "1").Succeeded().Lines[^1];
        var area = double.Parse(Regex.Match(line, @"^timesnet-tasks impute_mse=\S+ vowels=\S+ nab_auroc=(\S+) nab_f1=\S+$").Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.IsGreaterThan(0.53, area, line);
    }

    [TestMethod]
    public void AccuracyOfEquiangularBasisVectors()
    {
        _ = DataFile;
        AssertLastLine("ebv", ["digits"], "accuracy", "ebv", "--sets", "digits", "--seeds", "1", "--rivals", "none");
    }

    [TestMethod]
    public void AccuracyOfTensorCompletion()
    {
        _ = DataFile;
        var line = Run("test/MLNetExtensions.Benchmarks", "accuracy", "dain", "--tensors", "rm60", "--bases", "CP", "--samplings", "DAIN", "--seeds", "1", "--rivals", "false").Succeeded().Lines[^1];
        var error = double.Parse(Regex.Match(line, @"^dain rm60_cp=(\S+)$").Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.IsLessThan(31, error, line);
    }

    [TestMethod]
    public void AccuracyOfFewShot()
    {
        _ = DataFile;
        AssertLastLine("fewshot", ["omniglot_1shot", "omniglot_5shot", "digits_nmi", "ms_per_episode"], "accuracy", "fewshot", "--episodes", "10", "--clusterings", "1");
    }

    [TestMethod]
    public void AccuracyOfFunctionalBayesianTucker()
    {
        _ = DataFile;
        AssertLastLine("funbat", ["rmse_synthetic2"], "accuracy", "funbat", "--sets", "synthetic2");
    }

    [TestMethod]
    public void BenchReader() => AssertLastLine("reader", ["rows_per_second", "single", "double", "cursor"], "bench", "reader", "--rows", "2000", "--repeats", "1");

    [TestMethod]
    public void BenchGroups() => AssertLastLine("olinear-groups", ["fit_ms_per_series", "score_ms_per_series"], "bench", "olinear-groups", "--series", "20", "--rows", "60");

    [TestMethod]
    public void BenchScoreMemory() => AssertLastLine("score-memory", ["rss_growth_mb", "rss_mb", "rows_per_second"], "bench", "score-memory", "--rows", "20000");

    [TestMethod]
    public void BenchWeb() => AssertLastLine("web", ["rps", "p50_ms", "p99_ms", "errors", "rss_growth_mb"], "bench", "web", "--seconds", "4");

    [TestMethod]
    public void BenchAllRunsWhatHasNoResultYet()
    {
        var document = Path.Combine(_folder.FullName, "page.md");
        File.WriteAllText(document, "before\n<!-- all: made by `bench all` -->old<!-- end of all -->\nafter");
        var first = All("--only", "bench reader", "--document", document);
        Assert.AreEqual("all rows=1 failed=0", first.Lines[^1]);
        Must.Contain(first.Errors, "> bench reader");
        var page = File.ReadAllText(document);
        Must.Contain(page, "before", "| `bench reader` | `reader rows_per_second=", "after");
        Assert.DoesNotContain("old", page);
        var second = All("--only", "bench reader");
        Assert.AreEqual("all rows=1 failed=0", second.Lines[^1]);
        Assert.DoesNotContain("> bench reader", second.Errors);
        AssertError(Run("test/MLNetExtensions.Benchmarks", "bench", "all", "--folder", Output, "--only", "bench nothing"), "bench nothing");

        ChildProcess.Result All(params string[] arguments) => Run("test/MLNetExtensions.Benchmarks", ["bench", "all", "--folder", Output, .. arguments]).Succeeded();
    }

    [TestMethod]
    public void ABenchmarkWithoutItsDataIsAnError()
    {
        var result = Run("test/MLNetExtensions.Benchmarks", "accuracy", "olinear", "--data", Path.Combine(_folder.FullName, "absent.csv"));
        Assert.AreEqual(1, result.ExitCode, result.ToString());
        Must.Contain(result.Errors, "absent.csv");
    }

    [GeneratedRegex(@"^[a-z0-9_]+=-?\d+(\.\d+)?$")]
    private static partial Regex KeyValue { get; }

    private ChildProcess.Result Forecasting(params string[] arguments) => Run("samples/Forecasting", [.. arguments, "--output", Output]);

    private string Output => Path.Combine(_folder.FullName, "output");

    // They were built together with these tests.
    private static ChildProcess.Result Run(string project, params string[] arguments)
        => ChildProcess.Dotnet(GoldenFiles.RepositoryRoot, s_patience, ["run", "-c", "Release", "--no-build", "--project", project, "--", .. arguments]);

    private void AssertFiles(ChildProcess.Result result, params string[] names)
    {
        foreach (var name in names)
        {
            // As the output names it: relative to where it was started.
            var line = result.Lines.SingleOrDefault(line => Path.GetFileName(line) == name);
            Assert.IsNotNull(line, $"{name} is not named in:\n{result}");
            var path = Path.GetFullPath(line, GoldenFiles.RepositoryRoot);
            Assert.AreEqual(Path.Combine(Output, name), path);
            var bytes = File.ReadAllBytes(path);
            if (name.EndsWith(".png", StringComparison.Ordinal))
            {
                Assert.IsTrue(bytes.AsSpan().StartsWith(s_png), $"{name} is no PNG.");
                Assert.IsGreaterThan(SmallestPlot, bytes.Length, name);
            }
        }
    }

    private static void AssertLastLine(string name, string[] keys, params string[] arguments)
    {
        var result = Run("test/MLNetExtensions.Benchmarks", arguments).Succeeded();
        var parts = result.Lines[^1].Split(' ');
        Assert.AreEqual(name, parts[0]);
        foreach (var part in parts[1..])
        {
            Assert.IsTrue(KeyValue.IsMatch(part), result.Lines[^1]);
        }
        CollectionAssert.AreEqual(keys, parts[1..].Select(part => part.Split('=')[0]).ToArray());
    }
}
