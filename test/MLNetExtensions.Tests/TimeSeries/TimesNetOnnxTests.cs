using Microsoft.ML;
using MLNetExtensions.Onnx;
using MLNetExtensions.Tests.Onnx;
using MLNetExtensions.TimeSeries;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.TimeSeries;

[TestClass]
public sealed class TimesNetOnnxTests
{
    private const int Rows = 64;

    private static readonly TimesNetShape s_forecast = new() { Channels = 3, WindowSize = 24, Horizon = 12, Width = 8, HiddenWidth = 6, Layers = 2, TopPeriods = 4, Kernels = 4 };

    /// <summary>The graph of a network alone, from standardised windows "x", "marks" and "mask" to "y".</summary>
    internal static OnnxFile Export(TimesNetNetwork network, TimesNetPeriods periods, bool hasMask, OnnxWeightFormat format = OnnxWeightFormat.Float32)
    {
        var shape = network.Module.Shape;
        var graph = new OnnxGraph(["x", "marks", "mask", "y"], format);
        var x = graph.Input("x", OnnxType.Single, OnnxGraph.Rows, shape.WindowSize, shape.Channels);
        var marks = shape.Marks > 0 ? graph.Input("marks", OnnxType.Single, OnnxGraph.Rows, shape.WindowSize, shape.Marks) : null;
        var mask = !hasMask ? null
            : shape.Classes > 0 ? graph.Unsqueeze(graph.Input("mask", OnnxType.Single, OnnxGraph.Rows, shape.WindowSize), 2)
            : graph.Input("mask", OnnxType.Single, OnnxGraph.Rows, shape.WindowSize, shape.Channels);
        var y = new TimesNetOnnx(graph, network, periods).Write(x, marks, mask);
        ReadOnlySpan<long> dimensions = shape.Classes > 0 ? [OnnxGraph.Rows, shape.Classes] : [OnnxGraph.Rows, shape.Horizon > 0 ? shape.Horizon : shape.WindowSize, shape.Channels];
        graph.Output("y", y, OnnxType.Single, dimensions);
        using var stream = new MemoryStream();
        graph.ToModel("g", "p", "1").WriteTo(stream);
        return new(stream.ToArray());
    }

    /// <summary>The rows of a tensor.</summary>
    internal static Cells ToCells(Tensor tensor) => new(tensor.ToFloats(), (int)(tensor.NumberOfElements / tensor.size(0)));

    [TestMethod]
    [DataRow("forecast", PeriodSelection.PerRow)]
    [DataRow("forecast", PeriodSelection.Frozen)]
    [DataRow("forecast with linear marks", PeriodSelection.PerRow)]
    [DataRow("forecast with fixed marks", PeriodSelection.Frozen)]
    [DataRow("reconstruction", PeriodSelection.PerRow)]
    [DataRow("reconstruction with gaps", PeriodSelection.PerRow)]
    [DataRow("classification", PeriodSelection.PerRow)]
    [DataRow("classification with padding", PeriodSelection.Frozen)]
    [DataRow("one kernel, all frequencies, one layer", PeriodSelection.PerRow)]
    [DataRow("most periods skipped", PeriodSelection.PerRow)]
    [DataRow("most periods skipped", PeriodSelection.Frozen)]
    public void GraphComputesWhatTheNetworkComputes(string what, PeriodSelection selection)
    {
        var shape = what switch
        {
            "forecast with linear marks" => s_forecast with { Marks = 2 },
            "forecast with fixed marks" => s_forecast with { Marks = 4, Embedding = TimeEmbedding.Fixed },
            "reconstruction" or "reconstruction with gaps" => s_forecast with { Horizon = 0, WindowSize = 17 },
            "classification" or "classification with padding" => s_forecast with { Horizon = 0, Classes = 5 },
            "one kernel, all frequencies, one layer" => s_forecast with { Horizon = 0, WindowSize = 9, TopPeriods = 4, Kernels = 1, Layers = 1 },
            _ => s_forecast,
        };
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        var x = randn([Rows, shape.WindowSize, shape.Channels], generator: generator);
        var marks = shape.Marks == 0 ? null : shape.Embedding == TimeEmbedding.Fixed ? randint(0, 7, [Rows, shape.WindowSize, 4], generator: generator).to(ScalarType.Float32) : randn([Rows, shape.WindowSize, 2], generator: generator);
        var mask = what.Contains(" with gaps", StringComparison.Ordinal) ? rand([Rows, shape.WindowSize, shape.Channels], generator: generator).gt(TensorOps.Constant(0.3)).to(ScalarType.Float32)
            : what.Contains(" with padding", StringComparison.Ordinal) ? rand([Rows, shape.WindowSize], generator: generator).gt(TensorOps.Constant(0.3)).to(ScalarType.Float32)
            : null;
        x = mask is null ? x : x.Times(shape.Classes > 0 ? mask.unsqueeze(2) : mask);
        var module = TimesNetModule.Create(shape, 1, CPU);
        var periods = module.Freeze(new(selection, what == "most periods skipped" ? 0.3 : 1e-7), [(x, marks, mask)]);
        using var network = new TimesNetNetwork(module, periods);
        using var file = Export(network, periods, mask is not null);
        int[] clear = [.. Enumerable.Range(0, Rows).Except(selection == PeriodSelection.PerRow || what == "most periods skipped" ? Undecided(network, x, marks, mask) : [])];
        Assert.IsGreaterThan(Rows / 2, clear.Length);

        var inputs = new Dictionary<string, Cells> { ["x"] = ToCells(x) };
        AddIfAny("marks", marks);
        AddIfAny("mask", mask);
        var expected = ToCells(network.Score(x, marks, mask));
        foreach (var rows in new[] { clear, clear[..7], clear[..1], clear[^1..] })
        {
            expected.Rows(rows).AssertClose(file.Run(name => inputs[name], rows)["y"], "y");
        }

        void AddIfAny(string name, Tensor? tensor)
        {
            if (tensor is not null)
            {
                inputs.Add(name, ToCells(tensor));
            }
        }
    }

    [TestMethod]
    public void KernelsAndSpectrumAreStoredOnce()
    {
        const long Overhead = 64 << 10;
        using var scope = NewDisposeScope();
        var module = TimesNetModule.Create(s_forecast with { Width = 32, HiddenWidth = 32, Kernels = 6 }, 1, CPU);
        var x = randn(4, 24, 3);
        using var network = new TimesNetNetwork(module, module.Freeze(new(PeriodSelection.Frozen), [(x, null, null)]));
        var folded = network.Kernels.Sum(kernel => kernel.First.Weight.NumberOfElements + kernel.Second.Weight.NumberOfElements) + module.Parameters.Items.Where(item => !item.Key.StartsWith("block", StringComparison.Ordinal)).Sum(item => item.Value.NumberOfElements);
        foreach (var selection in new[] { PeriodSelection.PerRow, PeriodSelection.Frozen })
        {
            using var single = Export(network, network.Periods with { Selection = selection }, hasMask: false);
            Assert.IsLessThanOrEqualTo(4 * (folded + 36 * 36) + Overhead, single.Bytes.Length);
            using var half = Export(network, network.Periods with { Selection = selection }, hasMask: false, OnnxWeightFormat.Float16);
            Assert.IsLessThan(0.6 * single.Bytes.Length, half.Bytes.Length);
            if (selection == PeriodSelection.Frozen)
            {
                ToCells(network.Score(x)).AssertClose(half.Run(_ => ToCells(x), [0, 1, 2, 3])["y"], "y", 1e-2);
            }
        }
    }

    [TestMethod]
    public void PeriodsOfABatchAreRefusedAndFrozenOnesReplaceThem()
    {
        var ml = new MLContext(1);
        var entry = ConformanceEntries.Find("TimesNet forecaster");
        var data = entry.Data(80);
        using var frozen = Fit(PeriodSelection.Frozen);
        using var perRow = Fit(PeriodSelection.PerRow);
        using var batch = Fit(PeriodSelection.Batch);
        Must.Contain(Must.Fail<NotSupportedException>(() => OnnxFile.Export(batch)).Message, "TimesNetForecasting chooses periods for a batch as a whole: they depend on the other rows; choose PerRow or Frozen.");

        var options = new OnnxExportOptions { FrozenPeriods = true };
        using var expected = OnnxFile.Export(frozen);
        foreach (var model in new[] { frozen, perRow, batch })
        {
            // Trained in the same way, and few batches are all batches: the periods are the same.
            using var file = OnnxFile.Export(model, null, options);
            Assert.IsTrue(expected.Bytes.AsSpan().SequenceEqual(file.Bytes));
        }
        using var own = OnnxFile.Export(perRow);
        Assert.IsFalse(expected.Bytes.AsSpan().SequenceEqual(own.Bytes));
        Assert.IsTrue(own.Parsed.Graph.Node.Any(node => node.OpType == "TopK") && expected.Parsed.Graph.Node.All(node => node.OpType != "TopK"));

        TimesNetForecastingTransformer Fit(PeriodSelection selection)
        {
            var set = (TimesNetForecastingEstimator.Options)entry.Options!();
            // Chooses the best epoch by the loss, which the selection changes: one epoch has nothing to choose.
            set.MaximumNumberOfEpochs = 1;
            set.Network.InferencePeriods = selection;
            return (TimesNetForecastingTransformer)entry.CreateWith!(ml, set).Fit(data);
        }
    }

    /// <summary>The rows in which another library may choose another period, or skip one more: amplitudes or weights lie too close.</summary>
    private static HashSet<int> Undecided(TimesNetNetwork network, Tensor x, Tensor? marks, Tensor? mask)
    {
        const double Near = 1e-4;
        var (module, periods) = (network.Module, network.Periods);
        var shape = module.Shape;
        var result = new HashSet<int>();
        var z = module.Extend(module.Embed(shape.Classes > 0 ? x : TimesNetModule.NormalizeWindow(x, mask).Z, marks, null));
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            var amplitudes = TimesNetModule.ToHost(TimesNetModule.Amplitudes(z)).Chunk(shape.HighestFrequency + 1).ToArray();
            var frequencies = module.Frequencies(layer, [.. amplitudes.SelectMany(row => row)], Rows, periods).Chunk(shape.TopPeriods).ToArray();
            for (var row = 0; row < Rows; row++)
            {
                double[] sorted = [.. amplitudes[row].Skip(1).OrderDescending()];
                var sum = frequencies[row].Sum(f => Math.Exp(amplitudes[row][f]));
                var weights = frequencies[row].GroupBy(f => shape.Steps / f).Select(group => group.Sum(f => Math.Exp(amplitudes[row][f])) / sum);
                if (sorted.Length > shape.TopPeriods && sorted[shape.TopPeriods - 1] - sorted[shape.TopPeriods] < Near || weights.Any(weight => Math.Abs(weight - periods.SkipWeightBelow) < Near))
                {
                    result.Add(row);
                }
            }
            z = nn.functional.layer_norm(module.Block(layer, z, network.Kernels, periods), [shape.Width], module.Parameters["layer_norm.weight"], module.Parameters["layer_norm.bias"]);
        }
        return result;
    }
}
