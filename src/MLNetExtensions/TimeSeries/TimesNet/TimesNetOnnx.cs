using MLNetExtensions.Onnx;
using MLNetExtensions.Torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>The graph of <see cref="TimesNetModule.Evaluate"/> with fused kernels.</summary>
/// <remarks>
/// Shapes as there: L steps of input, T steps in the layers, C channels, D width. The spectrum is a product with a matrix of cosines and sines. Where each row has periods of its own, the graph is
/// unrolled over every period that a window can have: the rows that chose it are gathered, folded together, and added back. A period that no row chose works on no rows.
/// </remarks>
internal sealed class TimesNetOnnx
{
    private readonly OnnxGraph _graph;
    private readonly TimesNetNetwork _network;
    private readonly TimesNetPeriods _periods;
    private readonly TimesNetShape _shape;
    private readonly Dictionary<string, float[]> _weights;
    private readonly string _spectrum;

    /// <param name="graph">The graph.</param>
    /// <param name="network">The network.</param>
    /// <param name="periods">Per row or frozen.</param>
    internal TimesNetOnnx(OnnxGraph graph, TimesNetNetwork network, TimesNetPeriods periods)
    {
        _graph = graph;
        _network = network;
        _periods = periods;
        _shape = network.Module.Shape;
        _weights = network.Module.Parameters.Items.Concat(network.Module.Constants.Items).ToDictionary(item => item.Key, item => item.Value.ToFloats());
        _spectrum = graph.Constant(Waves(_shape.Steps, _shape.HighestFrequency), 2 * _shape.HighestFrequency, _shape.Steps);
    }

    /// <summary>How the graph chooses periods.</summary>
    /// <exception cref="NotSupportedException">The model's depend on the other rows of a batch.</exception>
    /// <exception cref="InvalidOperationException">Fixed ones are asked for, and the model has none.</exception>
    internal static TimesNetPeriods Periods(OnnxScoring onnx, TimesNetNetwork network)
    {
        var periods = network.Periods;
        if (onnx.Options.FrozenPeriods && periods.Frequencies is null)
        {
            throw Check.BadData(onnx.Schema.Transformer.Host, "The model was saved by a version that did not keep the periods of its training: FrozenPeriods needs them.");
        }
        if (onnx.Options.FrozenPeriods)
        {
            return periods with { Selection = PeriodSelection.Frozen };
        }
        return periods.Selection != PeriodSelection.Batch
            ? periods
            : throw onnx.Refuse("chooses periods for a batch as a whole: they depend on the other rows; choose PerRow or Frozen.");
    }

    /// <summary>Computes a forecast [rows, H, C], a reconstruction [rows, L, C] or logits [rows, classes], as the shape says.</summary>
    /// <param name="x">The windows, Single [rows, L, C].</param>
    /// <param name="marks">Their time features, Single [rows, L, m]; null where the shape has none.</param>
    /// <param name="mask">Of a reconstruction, Single [rows, L, C]; of a classification [rows, L, 1] or [1, L, 1]; null = all are there.</param>
    internal string Write(string x, string? marks, string? mask)
    {
        var (mean, deviation) = ("", "");
        if (_shape.Classes == 0)
        {
            (x, mean, deviation) = Normalize(x, mask);
        }
        var z = Extend(Embed(x, marks));
        foreach (var (layer, kernels) in _network.Kernels.Index())
        {
            z = _graph.LayerNormalization(WriteBlock(layer, kernels, z), _weights["layer_norm.weight"], _weights["layer_norm.bias"]);
        }
        string Head(string value, int outputs) => _graph.Linear(value, _weights["projection.weight"], _weights["projection.bias"], outputs);
        if (_shape.Classes > 0)
        {
            z = _graph.Gelu(z);
            return Head(_graph.Reshape(mask is null ? z : _graph.Multiply(z, mask), 0, _shape.WindowSize * _shape.Width), _shape.Classes);
        }
        var steps = _shape.Horizon > 0 ? _graph.Slice(z, 1, _shape.WindowSize, _shape.Steps) : z;
        return _graph.Add(_graph.Multiply(Head(steps, _shape.Channels), deviation), mean);
    }

    private (string Z, string Mean, string Deviation) Normalize(string x, string? mask)
    {
        string Deviation(string variance) => _graph.Sqrt(_graph.Add(variance, _graph.Scalar((float)TimesNetModule.VarianceEpsilon)));
        if (mask is null)
        {
            var mean = _graph.ReduceMean(x, 1);
            var difference = _graph.Subtract(x, mean);
            var deviation = Deviation(_graph.ReduceMean(_graph.Multiply(difference, difference), 1));
            return (_graph.Divide(difference, deviation), mean, deviation);
        }
        var observed = _graph.Node("Max", [_graph.ReduceSum(mask, 1), _graph.Scalar(1f)]);
        var maskedMean = _graph.Divide(_graph.ReduceSum(_graph.Multiply(x, mask), 1), observed);
        var centred = _graph.Multiply(_graph.Subtract(x, maskedMean), mask);
        var maskedDeviation = Deviation(_graph.Divide(_graph.ReduceSum(_graph.Multiply(centred, centred), 1), observed));
        return (_graph.Divide(centred, maskedDeviation), maskedMean, maskedDeviation);
    }

    private string Embed(string x, string? marks)
    {
        int c = _shape.Channels, l = _shape.WindowSize, d = _shape.Width;
        // Each step beside the one before it and the one after it, around the ends.
        var before = _graph.Concat(1, _graph.Slice(x, 1, l - 1, l), _graph.Slice(x, 1, 0, l - 1));
        var after = _graph.Concat(1, _graph.Slice(x, 1, 1, l), _graph.Slice(x, 1, 0, 1));
        List<string> taps = [before, x, after];
        var marked = _weights.TryGetValue("time.weight", out var time) ? _shape.Marks : 0;
        if (marked > 0)
        {
            taps.Add(marks!);
        }
        // Three blocks of channels, where the network has three taps of each channel.
        var weight = new float[d * (3 * c + marked)];
        for (var i = 0; i < d; i++)
        {
            var row = weight.AsSpan(i * (3 * c + marked), 3 * c + marked);
            for (var j = 0; j < 3 * c; j++)
            {
                row[j] = _weights["token.weight"][(i * c + j % c) * 3 + j / c];
            }
            time?.AsSpan(i * marked, marked).CopyTo(row[(3 * c)..]);
        }
        var h = _graph.Add(_graph.Linear(_graph.Concat(2, taps), weight, bias: null, d), _graph.Constant(_weights["pos.table"], l, d));
        if (_shape is { Marks: > 0, Embedding: TimeEmbedding.Fixed })
        {
            foreach (var (i, (name, rows)) in TimesNetShape.FixedTables.Index())
            {
                var row = _graph.Cast(_graph.Gather(marks!, _graph.Scalar((long)i), 2), OnnxType.Int64);
                // A row beyond the table is an error of the runtime, which would fail the whole batch.
                row = _graph.Node("Max", [_graph.Node("Min", [row, _graph.Scalar(rows - 1L)]), _graph.Scalar(0L)]);
                h = _graph.Add(h, _graph.Gather(_graph.Constant(_weights[$"time.{name}.table"], rows, d), row, 0));
            }
        }
        return h;
    }

    private string Extend(string h)
        => _shape.Horizon == 0 ? h : _graph.Add(_graph.MatMul(_graph.Weights(_weights["predict_linear.weight"], _shape.Steps, _shape.WindowSize), h), _graph.Constant(_weights["predict_linear.bias"], _shape.Steps, 1));

    /// <summary>A block: z [rows, T, D] to [rows, T, D].</summary>
    private string WriteBlock(int layer, FusedBlock kernels, string z)
    {
        var convolutions = new Convolutions(_graph, _shape, kernels);
        var amplitudes = Amplitudes(z);
        return _periods is { Selection: PeriodSelection.Frozen, Frequencies: { } frozen } ? WriteFrozen(convolutions, z, amplitudes, frozen[layer]) : WritePerRow(convolutions, z, amplitudes);
    }

    /// <summary>The amplitudes [rows, ⌊T/2⌋] of the frequencies from 1.</summary>
    private string Amplitudes(string z)
    {
        var k = _shape.HighestFrequency;
        var parts = _graph.MatMul(_spectrum, z);
        var squares = _graph.Reshape(_graph.Multiply(parts, parts), 0, 2, k, _shape.Width);
        return _graph.Reshape(_graph.ReduceMean(_graph.Sqrt(_graph.ReduceSum(squares, 1)), 3), 0, k);
    }

    private string WriteFrozen(Convolutions convolutions, string z, string amplitudes, IReadOnlyList<int> frequencies)
    {
        int[] ofFrequencies = [.. frequencies.Select(f => _shape.Steps / f)];
        int[] periods = [.. ofFrequencies.Distinct().Order()];
        // The weights of equal periods add up.
        var merge = new float[frequencies.Count * periods.Length];
        foreach (var (i, period) in ofFrequencies.Index())
        {
            merge[i * periods.Length + Array.IndexOf(periods, period)] = 1;
        }
        var weights = _graph.Softmax(_graph.Gather(amplitudes, _graph.Constant([.. frequencies.Select(f => f - 1L)], frequencies.Count), 1), 1);
        var merged = _graph.MatMul(weights, _graph.Constant(merge, frequencies.Count, periods.Length));
        if (_periods.SkipWeightBelow > 0)
        {
            merged = _graph.Where(_graph.Node("Less", [merged, _graph.Scalar((float)_periods.SkipWeightBelow)]), _graph.Scalar(0f), merged);
        }
        var y = z;
        foreach (var (i, period) in periods.Index())
        {
            var weight = _graph.Unsqueeze(_graph.Slice(merged, 1, i, i + 1), 2);
            y = _graph.Add(y, _graph.Multiply(convolutions.Write(z, period), weight));
        }
        return y;
    }

    private string WritePerRow(Convolutions convolutions, string z, string amplitudes)
    {
        // A chosen period may weigh nothing; one that was not chosen never takes part.
        const float Smallest = 1e-30f;
        int t = _shape.Steps;
        long[] periods = [.. Enumerable.Range(1, _shape.HighestFrequency).Select(f => (long)(t / f)).Distinct().Order()];
        var top = _graph.Nodes("TopK", 2, [amplitudes, _graph.Integers(_shape.TopPeriods)], ("axis", 1L), ("largest", 1L), ("sorted", 1L));
        var chosen = _graph.Divide(_graph.Scalar((long)t), _graph.Add(top[1], _graph.Scalar(1L)));
        var isChosen = _graph.Cast(_graph.Node("Equal", [_graph.Unsqueeze(chosen, 2), _graph.Constant(periods, 1, 1, periods.Length)]), OnnxType.Single);
        // The weights of equal periods add up: [periods, rows].
        var weights = _graph.Transpose(_graph.Squeeze(_graph.ReduceSum(_graph.Multiply(isChosen, _graph.Unsqueeze(_graph.Softmax(top[0], 1), 2)), 1), 1), 1, 0);
        var least = _graph.Scalar(Math.Max((float)_periods.SkipWeightBelow, Smallest));
        var y = z;
        foreach (var (i, period) in periods.Index())
        {
            var weight = _graph.Gather(weights, _graph.Scalar((long)i), 0);
            var rows = _graph.Transpose(_graph.Node("NonZero", [_graph.Node("GreaterOrEqual", [weight, least])]), 1, 0);
            var folded = convolutions.Write(_graph.Node("GatherND", [z, rows]), (int)period);
            var weighted = _graph.Multiply(folded, _graph.Unsqueeze(_graph.Node("GatherND", [weight, rows]), 1, 2));
            y = _graph.Node("ScatterND", [y, rows, weighted], ("reduction", "add"));
        }
        return y;
    }

    /// <summary>The cosines and sines of the frequencies from 1, [2, frequencies, steps].</summary>
    private static float[] Waves(int steps, int frequencies)
    {
        var waves = new float[2 * frequencies * steps];
        for (var f = 1; f <= frequencies; f++)
        {
            for (var t = 0; t < steps; t++)
            {
                var (sine, cosine) = Math.SinCos(2 * Math.PI * ((long)f * t % steps) / steps);
                waves[(f - 1) * steps + t] = (float)cosine;
                waves[(frequencies + f - 1) * steps + t] = (float)sine;
            }
        }
        return waves;
    }

    /// <summary>The two convolutions of a block, whose kernels are stored once and cut to what the grid of a period has room for.</summary>
    private sealed class Convolutions(OnnxGraph graph, TimesNetShape shape, FusedBlock kernels)
    {
        private readonly Kernel _first = new(graph, kernels.First);
        private readonly Kernel _second = new(graph, kernels.Second);

        /// <summary>Folds z [n, T, D] by a period, convolves and unfolds: [n, T, D].</summary>
        internal string Write(string z, int period)
        {
            int t = shape.Steps, rows = (t + period - 1) / period;
            if (rows * period > t)
            {
                z = graph.Node("Pad", [z, graph.Integers(0, 0, 0, 0, rows * period - t, 0)], ("mode", "constant"));
            }
            var grid = graph.Transpose(graph.Reshape(z, 0, rows, period, shape.Width), 0, 3, 1, 2);
            grid = _second.Write(graph.Gelu(_first.Write(grid, rows, period)), rows, period);
            var folded = graph.Reshape(graph.Transpose(grid, 0, 2, 3, 1), 0, rows * period, shape.Width);
            return rows * period > t ? graph.Slice(folded, 1, 0, t) : folded;
        }
    }

    private sealed class Kernel(OnnxGraph graph, FusedInception kernel)
    {
        private readonly long _size = kernel.Weight.size(2);
        private readonly string _weight = graph.Weights(kernel.Weight.ToFloats(), kernel.Weight.shape);
        private readonly string _bias = graph.Constant(kernel.Bias.ToFloats(), kernel.Bias.size(0));
        private readonly Dictionary<(long, long), string> _cut = [];

        internal string Write(string grid, int rows, int columns)
        {
            var reach = _size / 2;
            var (r, c) = (Math.Min(reach, rows - 1), Math.Min(reach, columns - 1));
            if (!_cut.TryGetValue((r, c), out var weight))
            {
                // Beyond the size of the grid the kernel meets zeros only. The runtime cuts once, when it loads the file.
                weight = r == reach && c == reach ? _weight
                    : graph.Node("Slice", [_weight, graph.Integers(reach - r, reach - c), graph.Integers(reach + r + 1, reach + c + 1), graph.Integers(2, 3)]);
                _cut.Add((r, c), weight);
            }
            return graph.Node("Conv", [grid, weight, _bias], ("kernel_shape", new[] { 2 * r + 1, 2 * c + 1 }), ("pads", new[] { r, c, r, c }));
        }
    }
}
