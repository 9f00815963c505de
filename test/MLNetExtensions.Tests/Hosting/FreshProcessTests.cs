using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests;

/// <summary>A model saved here loads in a process that only has the assemblies: nothing there names our types or registers them.</summary>
[TestClass]
public sealed class FreshProcessTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    [TestMethod]
    public void AChainWithARowScorerLoads()
    {
        static float[] Values(int row) => [row / 3f, 1 - row % 5, row % 2];
        var ml = new MLContext(1);
        var data = new TestView(50).AddVector("Values", NumberDataViewType.Single, 3, Values);
        using var model = ml.Transforms.CopyColumns("Features", "Values").Append(new LinearMapEstimator(ml)).Append(ml.Transforms.CopyColumns("Result", "Score")).Fit(data);
        AssertScoresAlike(ml, model, data, Values, 3, "Result");
    }

    [TestMethod]
    public void AChainWithAForecasterLoads()
    {
        static float[] Values(int row) => [MathF.Sin(row / 3f), 10 + MathF.Cos(row / 5f)];
        var ml = new MLContext(1);
        var data = new TestView(120).AddVector("Values", NumberDataViewType.Single, 2, Values);
        using var model = ml.Transforms.NormalizeMinMax("Scaled", "Values")
            .Append(ml.Forecasting.ForecastByOLinear(new OLinearEstimator.Options { InputColumnName = "Scaled", WindowSize = 8, Horizon = 3, Width = 8, NumberOfLayers = 1, MaximumNumberOfEpochs = 1, Seed = 1, NumberOfThreads = 1 }))
            .Fit(data);
        AssertScoresAlike(ml, model, data, Values, 2, "Forecast");
    }

    private static void AssertScoresAlike(MLContext ml, ITransformer model, TestView data, Func<int, float[]> values, int size, string output)
    {
        var folder = Directory.CreateTempSubdirectory("MLNetExtensions");
        try
        {
            var (file, rows) = (Path.Combine(folder.FullName, "model.zip"), Path.Combine(folder.FullName, "rows.csv"));
            File.WriteAllBytes(file, Models.Save(ml, model, data.Schema));
            File.WriteAllLines(rows, Enumerable.Range(0, (int)data.GetRowCount()!).Select(row => string.Join(',', values(row).Select(value => value.ToString("R", CultureInfo.InvariantCulture)))));
            var view = model.Transform(data);
            var expected = Snapshot.Of(view, column => column.Name == output).Rows.Select(row => row.Values[view.Schema[output].Index]!).ToArray();
            var actual = Load(file, rows, size, output);
            Assert.HasCount(expected.Length, actual);
            for (var row = 0; row < expected.Length; row++)
            {
                object parsed = expected[row] is float ? float.Parse(actual[row], CultureInfo.InvariantCulture) : actual[row].Split(' ').Select(text => float.Parse(text, CultureInfo.InvariantCulture)).ToArray();
                Snapshot.AssertSame(expected[row], parsed, 1e-6, $"Row {row}");
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string[] Load(string model, string rows, int size, string output)
    {
        var here = Path.Combine(AppContext.BaseDirectory, "MLNetExtensions.Tests");
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet",
            ["exec", "--depsfile", here + ".deps.json", "--runtimeconfig", here + ".runtimeconfig.json", Path.Combine(AppContext.BaseDirectory, "ModelLoader.dll"), model, rows, "Values", size.ToString(CultureInfo.InvariantCulture), output])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var (text, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(s_patience))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail("The process does not end.");
        }
        Assert.AreEqual(0, process.ExitCode, errors.Result);
        return text.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
