using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using MLNetExtensions.Tensors;
using MLNetExtensions.TimeSeries;
using MLNetExtensions.Torch;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>Exported models in ONNX Runtime against the product's own scoring of the same models, and the size of a published program that scores by ONNX Runtime alone.</summary>
internal static class OnnxBench
{
    private const int Window = 96;
    private const int Channels = 7;
    private const int Side = 28;
    private const double Megabyte = 1e6;

    // What both sides compute in single precision.
    private const double Tolerance = 1e-4;

    public static Command Command()
    {
        var repeats = new Option<int>("--repeats") { Description = "The number of blocks whose median counts.", DefaultValueFactory = _ => 9 };
        var command = new Command("onnx", "ONNX export, on one thread: ONNX Runtime against the product's own scoring, and the size of the published scorer of samples/OnnxDeployment.") { repeats };
        command.SetAction(arguments => Run(arguments.GetValue(repeats)));
        return command;
    }

    private static void Run(int repeats)
    {
        TorchRuntime.Require();
        using var number = TorchThreads.Use(1);
        var ml = new MLContext(1);
        Console.WriteLine($"one thread, medians of {repeats} blocks that take turns; ratios of the processor's time, the product's own scoring by ONNX Runtime");
        var (olinear1, olinear32) = Forecasters(ml, ml.Forecasting.ForecastByOLinear(Settings(new OLinearEstimator.Options())), "OLinear 96 -> 96, width 512", repeats);
        var timesNet = Settings(new TimesNetForecastingEstimator.Options());
        (timesNet.Network.Width, timesNet.Network.HiddenWidth) = (16, 32);
        var (timesNet1, _) = Forecasters(ml, ml.Forecasting.ForecastByTimesNet(timesNet), "TimesNet 96 -> 96, width 16", repeats);
        var ebv = Images(ml, repeats);
        var completion = Cells(ml, repeats);
        var tucker = Field(ml, repeats);
        var size = Publish() / Megabyte;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"onnx olinear_1={olinear1:F2} olinear_32={olinear32:F2} ebv_cnn_1={ebv:F2} completion_1024={completion:F2} timesnet_1={timesNet1:F2} funbat_1000={tucker:F2} publish_mb={size:F1}"));
    }

    // ---- Forecasters ----

    private static TOptions Settings<TOptions>(TOptions options)
        where TOptions : ForecastingOptions
    {
        options.OutputColumnName = "Forecast";
        options.InputColumnName = nameof(SeriesRow.Values);
        (options.WindowSize, options.Horizon) = (Window, Window);
        options.BatchSize = 32;
        options.MaximumNumberOfEpochs = 1;
        options.Seed = 1;
        options.NumberOfThreads = 1;
        return options;
    }

    private static (double One, double Many) Forecasters(MLContext ml, IEstimator<ITransformer> estimator, string what, int repeats)
    {
        const int Rows = 1000;
        const int Many = 32;
        var random = new Random(1);
        SeriesRow[] rows = [.. Enumerable.Range(0, Rows).Select(row => new SeriesRow { Values = [.. Enumerable.Range(0, Channels).Select(c => MathF.Sin(MathF.Tau * row / 24 + c) + 0.5f * MathF.Sin(MathF.Tau * row / (7 + c)) + 0.2f * random.NextSingle())] })];
        var transformer = (ForecastingTransformer)estimator.Fit(ml.Data.LoadFromEnumerable(rows));
        using var file = new Session(transformer, what);
        // The windows as a stream leaves them: the last rows of each series.
        var rings = new WindowRing[Many];
        var inputs = new float[Many * Window * Channels];
        for (var i = 0; i < Many; i++)
        {
            rings[i] = new(Channels, Window);
            for (var step = 0; step < Window; step++)
            {
                var values = rows[11 * i + step].Values;
                rings[i].Add(Array.ConvertAll(values, value => (double)value));
                values.CopyTo(inputs, (i * Window + step) * Channels);
            }
        }
        var scaler = transformer.Model.ScalerOf("");
        var result = (Measure(1), Measure(Many));
        transformer.Dispose();
        return result;

        double Measure(int count)
        {
            var windows = transformer.CreateWindows();
            ColumnScaler[] scalers = [.. Enumerable.Repeat(scaler, count)];
            var forecast = new float[count * Window * Channels];
            file.Set(nameof(SeriesRow.Values), inputs.AsMemory(0, count * Window * Channels), count, Window, Channels);
            return file.Compare($"{count} window(s)", "Forecast", repeats, count == 1 ? 20 : 3, () =>
            {
                windows.Clear(count);
                for (var i = 0; i < count; i++)
                {
                    windows.Add(rings[i], scaler);
                }
                transformer.Forecast(windows, scalers, (window, score, _, _) => score.CopyTo(forecast.AsSpan(window * score.Length)));
                return forecast;
            });
        }
    }

    // ---- Row scorers ----

    private static double Images(MLContext ml, int repeats)
    {
        const int Rows = 400;
        const int Classes = 10;
        var random = new Random(1);
        ImageRow[] rows = [.. Enumerable.Range(0, Rows).Select(row => new ImageRow { Label = (uint)(row % Classes), Features = [.. Enumerable.Range(0, Side * Side).Select(i => i % (2 + row % Classes) == 0 ? 200 + 50 * random.NextSingle() : 20 * random.NextSingle())] })];
        using var model = ml.MulticlassClassification.Trainers.EquiangularBasisVectors(new EquiangularBasisVectorsTrainer.Options
        {
            Trunk = EquiangularBasisTrunk.ConvNet,
            ImageHeight = Side,
            ImageWidth = Side,
            MaximumNumberOfEpochs = 1,
            Seed = 1,
            NumberOfThreads = 1,
        }).Fit(ml.Data.LoadFromEnumerable(rows));
        using var file = new Session(model, $"EBV, images {Side} x {Side}, width 16");
        using var engine = ml.Model.CreatePredictionEngine<ImageRow, Scores>(model, new PredictionEngineOptions { OwnsTransformer = false });
        file.Set(nameof(ImageRow.Features), rows[0].Features.AsMemory(), 1, Side * Side);
        var scores = new Scores();
        return file.Compare("1 image, prediction engine", "Score", repeats, 30, () =>
        {
            engine.Predict(rows[0], ref scores);
            return scores.Score;
        });
    }

    private static double Cells(MLContext ml, int repeats)
    {
        const int Rows = 1024;
        var random = new Random(1);
        CellRow[] rows = [.. Enumerable.Range(0, 4 * Rows).Select(row => new CellRow { User = (uint)random.Next(400), Item = (uint)random.Next(300), Hour = (uint)random.Next(24), Label = random.NextSingle() })];
        using var model = ml.Regression.Trainers.NeuralTensorCompletion(new NeuralTensorCompletionTrainer.Options
        {
            LabelColumnName = nameof(CellRow.Label),
            ModeColumnNames = [nameof(CellRow.User), nameof(CellRow.Item), nameof(CellRow.Hour)],
            EmbeddingSize = 50,
            HiddenLayers = [1024, 1024, 128],
            Sampling = TensorSampling.None,
            MaximumNumberOfEpochs = 1,
            Seed = 1,
            NumberOfThreads = 1,
        }).Fit(ml.Data.LoadFromEnumerable(rows));
        using var file = new Session(model, "Tensor completion 150-1024-1024-128");
        foreach (var (name, keys) in new (string, Func<CellRow, uint>)[] { (nameof(CellRow.User), row => row.User), (nameof(CellRow.Item), row => row.Item), (nameof(CellRow.Hour), row => row.Hour) })
        {
            // ML.NET counts the keys of objects from 0, those of columns from 1.
            file.Set(name, rows[..Rows].Select(row => keys(row) + 1).ToArray().AsMemory(), Rows, 1);
        }
        return file.Compare($"{Rows} cells, Transform", "Score", repeats, 3, Scorer(model, ml.Data.Cache(ml.Data.LoadFromEnumerable(rows[..Rows])), Rows));
    }

    private static double Field(MLContext ml, int repeats)
    {
        const int Rows = 1000;
        const int Calls = 5;
        var random = new Random(1);
        int[] knots = [40, 40, 60];
        FieldRow[] rows = [.. Enumerable.Range(0, 3 * Rows).Select(_ =>
        {
            double[] x = [.. knots.Select(n => random.Next(n) / (n - 1.0))];
            return new FieldRow { Features = x, Label = (float)(Math.Sin(3 * x[0]) * Math.Cos(2 * x[1]) + x[2] + 0.05 * random.NextDouble()) };
        })];
        using var model = ml.Regression.Trainers.FunctionalBayesianTucker(new FunctionalBayesianTuckerTrainer.Options
        {
            Rank = 3,
            NumberOfRestarts = 1,
            MaximumNumberOfIterations = 20,
            Seed = 1,
            NumberOfThreads = 1,
        }).Fit(ml.Data.LoadFromEnumerable(rows));
        FieldRow[] places = [.. Enumerable.Range(0, Rows).Select(_ => new FieldRow { Features = [random.NextDouble(), random.NextDouble(), random.NextDouble()] })];
        var view = ml.Data.Cache(ml.Data.LoadFromEnumerable(places));
        using var file = new Session(model, "Functional Bayesian CP, rank 3, 40/40/60 coordinates", view.Schema);
        file.Set(nameof(FieldRow.Features), places.SelectMany(row => row.Features).ToArray().AsMemory(), Rows, knots.Length);
        return file.Compare($"{Rows} coordinates, Transform", "Score", repeats, Calls, Scorer(model, view, Rows));
    }

    /// <summary>Scores the rows of a view; all columns of the model are computed, one is kept.</summary>
    private static Func<float[]> Scorer(ITransformer model, IDataView view, int rows)
    {
        var scored = model.Transform(view);
        DataViewSchema.Column[] added = [.. scored.Schema.Where(column => view.Schema.GetColumnOrNull(column.Name) is null)];
        var scores = new float[rows];
        return () =>
        {
            using var cursor = scored.GetRowCursor(added);
            var getters = added.Select(column => cursor.GetGetter<float>(column)).ToArray();
            var value = 0f;
            for (var row = 0; cursor.MoveNext(); row++)
            {
                foreach (var (i, getter) in getters.Index())
                {
                    getter(ref value);
                    scores[row] = i == 0 ? value : scores[row];
                }
            }
            return scores;
        };
    }

    // ---- The published scorer ----

    private static long Publish()
    {
        var folder = Directory.CreateTempSubdirectory("MLNetExtensionsPublish");
        try
        {
            var start = new ProcessStartInfo("dotnet", ["publish", Path.Combine(Repository.Root(), "samples", "OnnxDeployment", "Scorer"), "-c", "Release", "-r", RuntimeInformation.RuntimeIdentifier, "--self-contained", "false", "-o", folder.FullName, "-nodeReuse:false"]) { RedirectStandardOutput = true };
            start.Environment["UseSharedCompilation"] = "false";
            using var process = Process.Start(start)!;
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0)
            {
                throw new InvalidOperationException($"The scorer cannot be published.\n{output}");
            }
            var files = folder.GetFiles("*", SearchOption.AllDirectories).OrderByDescending(file => file.Length).ToArray();
            Console.WriteLine($"published for {RuntimeInformation.RuntimeIdentifier}: {string.Join(", ", files.Take(3).Select(file => string.Create(CultureInfo.InvariantCulture, $"{file.Name} {file.Length / Megabyte:F1} MB")))}, {files.Length} files in all");
            return files.Sum(file => file.Length);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>An exported model in ONNX Runtime.</summary>
    private sealed class Session : IDisposable
    {
        private readonly InferenceSession _session;
        private readonly RunOptions _options = new();
        private readonly Dictionary<string, OrtValue> _inputs = [];
        private readonly string[] _outputs;

        internal Session(ITransformer model, string what, DataViewSchema? schema = null)
        {
            using var stream = new MemoryStream();
            var clock = Stopwatch.StartNew();
            var report = model.ExportToOnnx(stream, schema, options: null);
            var export = clock.Elapsed.TotalSeconds;
            clock.Restart();
            _session = OnnxFile.Load(stream.ToArray());
            _outputs = [.. report.Outputs.Select(value => value.Name)];
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: {report.Bytes / 1024.0:F0} KB, written in {export:F2} s, loaded in {clock.Elapsed.TotalSeconds:F2} s"));
        }

        internal void Set<T>(string name, Memory<T> values, params long[] shape)
            where T : unmanaged
        {
            if (_inputs.Remove(name, out var old))
            {
                old.Dispose();
            }
            _inputs.Add(name, OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, values, shape));
        }

        /// <summary>Times both sides after their results were compared.</summary>
        /// <returns>The product's time by that of ONNX Runtime.</returns>
        internal double Compare(string what, string output, int repeats, int calls, Func<float[]> product)
        {
            var expected = product();
            var index = Array.IndexOf(_outputs, output);
            float[] found;
            using (var results = _session.Run(_options, _inputs, _outputs))
            {
                found = OnnxFile.Numbers(results[index]);
            }
            var difference = expected.Zip(found, (a, b) => Math.Abs(a - b) / Math.Max(1, Math.Abs(a))).Max();
            if (expected.Length != found.Length || !(difference <= Tolerance))
            {
                throw new InvalidOperationException($"ONNX Runtime differs by {difference}.");
            }
            var times = Timing.Medians(repeats, calls, () => product(), () => _session.Run(_options, _inputs, _outputs).Dispose());
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {what}: product {times[0]}, ONNX Runtime {times[1]}, ratio {times[0].Cpu / times[1].Cpu:F2}, largest difference {difference:E1}"));
            return times[0].Seconds(1) / times[1].Seconds(1);
        }

        public void Dispose()
        {
            foreach (var input in _inputs.Values)
            {
                input.Dispose();
            }
            _options.Dispose();
            _session.Dispose();
        }
    }

    private sealed class SeriesRow
    {
        [VectorType(Channels)]
        public float[] Values { get; set; } = [];
    }

    private sealed class ImageRow
    {
        [KeyType(10)]
        public uint Label { get; set; }

        [VectorType(Side * Side)]
        public float[] Features { get; set; } = [];
    }

    private sealed class Scores
    {
        public float[] Score { get; set; } = [];
    }

    private sealed class CellRow
    {
        [KeyType(400)]
        public uint User { get; set; }

        [KeyType(300)]
        public uint Item { get; set; }

        [KeyType(24)]
        public uint Hour { get; set; }

        public float Label { get; set; }
    }

    private sealed class FieldRow
    {
        [VectorType(3)]
        public double[] Features { get; set; } = [];

        public float Label { get; set; }
    }
}
