using System.CommandLine;
using System.Globalization;
using Forecasting;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using MLNetExtensions.Torch;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>Trained models and their ONNX files on the same test rows: the errors of both, for each format of the weights.</summary>
internal static class OnnxAccuracy
{
    private const string Name = "onnx";
    private const string ForecastColumn = "Forecast";
    private const string ScoreColumn = "Score";
    private const string ClassColumn = "PredictedLabel";
    private const int Seed = 1;
    private const int BatchRows = 64;

    // Half a unit of the fourth digit of the largest number with four digits.
    private const double FourDigits = 5e-5;

    private const double LargestRowsDifference = 0.01;
    private const double LargestRowsShare = 0.30;

    public static Command Command()
    {
        var epochs = new Option<int>("--epochs") { Description = "The most epochs of OLinear.", DefaultValueFactory = _ => 3 };
        var imageEpochs = new Option<int>("--image-epochs") { Description = "The epochs of the equiangular basis vectors.", DefaultValueFactory = _ => 8 };
        var command = new Command(Name, "ONNX export of trained models, on one thread: the test errors of OLinear (ETTh1), equiangular basis vectors (Fashion-MNIST) and functional Bayesian Tucker (daily maximum temperatures) beside those of their files.") { epochs, imageEpochs };
        command.SetAction(arguments => Run(arguments.GetValue(epochs), arguments.GetValue(imageEpochs)));
        return command;
    }

    private static void Run(int epochs, int imageEpochs)
    {
        TorchRuntime.Require();
        using var number = TorchThreads.Use(1);
        Console.WriteLine($"{"",-39}{"format",-13}{"bytes",10}{"share",8}{"model",10}{"file",10}  difference");
        var forecaster = Forecaster(epochs);
        var classifier = Classifier(imageEpochs);
        var field = Field();
        var (olinear, olinearRows) = (forecaster[OnnxWeightFormat.Float32], forecaster[OnnxWeightFormat.Int8Rows]);
        var (ebv, ebvRows, funbat) = (classifier[OnnxWeightFormat.Float32], classifier[OnnxWeightFormat.Int8Rows], field[OnnxWeightFormat.Float32]);
        Console.WriteLine($"{Name} olinear_mse={olinear.Model:F5} olinear_onnx_mse={olinear.File:F5} olinear_int8rows_mse={olinearRows.File:F5} ebv_accuracy={ebv.Model:F2} ebv_onnx_accuracy={ebv.File:F2} ebv_int8rows_accuracy={ebvRows.File:F2} funbat_rmse={funbat.Model:F5} funbat_onnx_rmse={funbat.File:F5} int8rows_share={olinearRows.Share:F3}");
        string[] failures =
        [
            .. new[] { ("OLinear", olinear), ("equiangular basis vectors", ebv), ("functional Bayesian Tucker", funbat) }
                .Where(one => !(one.Item2.Difference <= FourDigits))
                .Select(one => $"The file of {one.Item1} in single precision differs within the first four digits: {one.Item2.File:R} instead of {one.Item2.Model:R}."),
            .. olinearRows.Difference <= LargestRowsDifference ? Array.Empty<string>() : [$"OLinear's {OnnxWeightFormat.Int8Rows} changes the error by {olinearRows.Difference:P2}, at most {LargestRowsDifference:P0} are allowed."],
            .. olinearRows.Share <= LargestRowsShare ? Array.Empty<string>() : [$"OLinear's {OnnxWeightFormat.Int8Rows} takes {olinearRows.Share:F3} of the size, at most {LargestRowsShare} are allowed."],
        ];
        if (failures.Length > 0)
        {
            throw new InvalidOperationException(string.Join(' ', failures));
        }
    }

    // ---- Models ----

    /// <summary>The mean squared error of all test windows, on standardised values.</summary>
    private static Dictionary<OnnxWeightFormat, Errors> Forecaster(int epochs)
    {
        var ml = new MLContext(Seed);
        var series = CsvSeries.Load(ml, Repository.DataFile("ETTh1.csv"));
        var values = series.GetColumn<float[]>(CsvSeries.ColumnName).ToArray();
        var split = SplitRows.EttHourly;
        var fitted = split.Training + split.Validation;
        var options = OLinearEtth1.PaperOptions(Seed, epochs, threads: 1);
        options.InputColumnName = CsvSeries.ColumnName;
        options.OutputColumnName = ForecastColumn;
        options.ValidationFraction = (double)split.Validation / fitted;
        options.Progress = new ForecastRun.LastElapsed();
        using var model = ml.Forecasting.ForecastByOLinear(options).Fit(ml.Data.TakeRows(series, fitted));

        // The test begins one window early, so that its first forecast is for its first row.
        var before = fitted - options.WindowSize;
        var rows = values[before..(fitted + split.Test)];
        var deviations = ForecastRun.Deviations(values.AsSpan(0, split.Training));
        var channels = deviations.Length;
        var windows = new float[(rows.Length - options.WindowSize + 1) * options.WindowSize * channels];
        for (var i = 0; i < windows.Length; i++)
        {
            var (window, rest) = Math.DivRem(i, options.WindowSize * channels);
            windows[i] = rows[window + rest / channels][rest % channels];
        }
        var test = ml.Data.TakeRows(ml.Data.SkipRows(series, before), rows.Length);
        return Compare(
            "OLinear, ETTh1",
            "MSE",
            model,
            test.Schema,
            ForecastColumn,
            Enum.GetValues<OnnxWeightFormat>(),
            Error(model.Transform(test).GetColumn<float[]>(ForecastColumn)),
            file =>
            {
                var forecasts = Score(file, CsvSeries.ColumnName, ForecastColumn, windows, options.WindowSize, channels).Chunk(options.Horizon * channels);
                // No forecast before the first whole window.
                return Error(Enumerable.Repeat(Array.Empty<float>(), options.WindowSize - 1).Concat(forecasts));
            });

        double Error(IEnumerable<float[]> forecasts)
        {
            var (mse, _, count) = ForecastRun.Errors(forecasts, rows, deviations, options);
            var expected = split.Test - options.Horizon + 1;
            return count == expected ? mse : throw new InvalidOperationException($"{count} test windows were forecast, expected {expected}.");
        }
    }

    /// <summary>The accuracy on the test rows, in percent.</summary>
    private static Dictionary<OnnxWeightFormat, Errors> Classifier(int epochs)
    {
        var ml = new MLContext(Seed);
        var set = ClassificationSet.Fashion();
        var options = ClassifierRun.EbvOptions(set, new(0, FeatureScaling.Global), Seed, threads: 1);
        options.MaximumNumberOfEpochs = epochs;
        using var model = ml.MulticlassClassification.Trainers.EquiangularBasisVectors(options).Fit(set.Training.View(ml));
        var test = set.Test.View(ml);
        float[] pixels = [.. set.Test.Features.SelectMany(row => row)];
        return Compare(
            "EBV, Fashion-MNIST",
            "accuracy, %",
            model,
            test.Schema,
            ClassColumn,
            Enum.GetValues<OnnxWeightFormat>(),
            Accuracy(model.Transform(test).GetColumn<uint>(ClassColumn).Select(key => (int)key)),
            file => Accuracy(Score(file, options.FeatureColumnName, ClassColumn, pixels, set.Test.Features[0].Length).Select(key => (int)key)));

        // Keys count from 1.
        double Accuracy(IEnumerable<int> keys) => new Predictions([.. keys.Select(key => key - 1)], []).Accuracy(set.Test);
    }

    /// <summary>The root mean squared error of the first fold's test rows.</summary>
    private static Dictionary<OnnxWeightFormat, Errors> Field()
    {
        var ml = new MLContext(Seed);
        var set = TensorSet.Noaa();
        var (training, test) = set.Fold(0);
        using var model = ml.Regression.Trainers.FunctionalBayesianTucker(FunctionalTuckerAccuracy.PackOptions(set.Name, Seed, threads: 1)).Fit(set.View(ml, training));
        var view = set.View(ml, test);
        double[] coordinates = [.. test.SelectMany(entry => entry.Coordinates)];
        return Compare(
            "FunBaT, tmax, first fold",
            "RMSE",
            model,
            view.Schema,
            ScoreColumn,
            [OnnxWeightFormat.Float32],
            Error(model.Transform(view).GetColumn<float>(ScoreColumn)),
            file => Error(Score(file, nameof(TensorEntry.Coordinates), ScoreColumn, coordinates, test[0].Coordinates.Length)));

        double Error(IEnumerable<float> scores) => Math.Sqrt(scores.Zip(test, (score, entry) => Math.Pow((double)score - entry.Label, 2)).Average());
    }

    // ---- Files ----

    /// <summary>Exports a model in each format and prints a line of the table for each.</summary>
    private static Dictionary<OnnxWeightFormat, Errors> Compare(string what, string measure, ITransformer model, DataViewSchema schema, string output, OnnxWeightFormat[] formats, double modelError, Func<InferenceSession, double> fileError)
    {
        var results = new Dictionary<OnnxWeightFormat, Errors>();
        var whole = 0L;
        // Single precision is the first one.
        foreach (var format in formats)
        {
            using var stream = new MemoryStream();
            var report = model.ExportToOnnx(stream, schema, new() { WeightFormat = format, OutputColumns = [output] });
            whole = format == OnnxWeightFormat.Float32 ? report.Bytes : whole;
            using var file = OnnxFile.Load(stream.ToArray());
            var errors = new Errors(modelError, fileError(file), (double)report.Bytes / whole);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-26}{measure,-13}{format,-13}{report.Bytes,10}{errors.Share,8:F3}{errors.Model,10:F5}{errors.File,10:F5}{errors.File - errors.Model,12:0.0e+0}"));
            Finding.Add($"{what}, ONNX file", $"pack, {format}", measure, errors.File);
            results.Add(format, errors);
        }
        return results;
    }

    /// <summary>Scores rows of one input, a batch after the other.</summary>
    /// <param name="file">The exported model.</param>
    /// <param name="input">The input.</param>
    /// <param name="output">The output.</param>
    /// <param name="values">The rows, one behind the other.</param>
    /// <param name="shape">The shape of a row.</param>
    private static List<float> Score<T>(InferenceSession file, string input, string output, T[] values, params int[] shape)
        where T : unmanaged
    {
        using var options = new RunOptions();
        var size = shape.Aggregate(1, (product, side) => product * side);
        var scores = new List<float>();
        for (var first = 0; first < values.Length; first += BatchRows * size)
        {
            var batch = values.AsMemory(first, Math.Min(BatchRows * size, values.Length - first));
            using var tensor = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, batch, [batch.Length / size, .. shape.Select(side => (long)side)]);
            using var results = file.Run(options, [input], [tensor], [output]);
            scores.AddRange(OnnxFile.Numbers(results[0]));
        }
        return scores;
    }

    /// <param name="Model">The error of the model.</param>
    /// <param name="File">The error of its file.</param>
    /// <param name="Share">The size of the file, as a part of that in single precision.</param>
    private sealed record Errors(double Model, double File, double Share)
    {
        /// <summary>Relative to the model's error.</summary>
        public double Difference => Math.Abs(File - Model) / Math.Abs(Model);
    }
}
