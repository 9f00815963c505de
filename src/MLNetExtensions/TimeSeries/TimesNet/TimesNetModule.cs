using System.Numerics;
using System.Runtime.InteropServices;
using MLNetExtensions.Torch;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// The network of TimesNet (arXiv 2210.02186), one for forecasting, reconstruction and classification: a window is folded by the periods that stand out of its
/// spectrum, and a small two-dimensional convolution sees neighbours in time and in phase.
/// </summary>
/// <remarks>
/// Shapes in comments: B windows, C channels, L steps of input, H steps ahead, T = L + H, D width, F hidden width, k periods, K kernels. No method changes
/// the module, so that threads may share it while nobody trains it. The caller keeps a dispose scope open.
/// </remarks>
internal sealed class TimesNetModule : IDisposable
{
    internal const double VarianceEpsilon = 1e-5;

    private readonly Tensor _positions;
    private readonly Tensor[] _tables;
    private readonly Tensor _valueWeight;
    private readonly Tensor? _timeWeight;
    private readonly Tensor? _extensionWeight;
    private readonly Tensor? _extensionBias;
    private readonly Tensor _normWeight;
    private readonly Tensor _normBias;
    private readonly Tensor _headWeight;
    private readonly Tensor _headBias;
    private readonly TimesBlock[] _blocks;

    /// <summary>Makes the network with starting weights.</summary>
    /// <param name="shape">The sizes.</param>
    /// <param name="seed">What the starting weights are drawn from.</param>
    /// <param name="device">Where it computes.</param>
    internal static TimesNetModule Create(TimesNetShape shape, int seed, Device device)
    {
        using var generator = new Generator((ulong)seed);
        return new(shape, generator, ScalarType.Float32, device);
    }

    /// <summary>Makes the network.</summary>
    /// <param name="shape">The sizes.</param>
    /// <param name="generator">
    /// Draws the starting weights on the CPU, so that they do not depend on the device, in the order of the published code, what that draws and overwrites included; null leaves
    /// the drawn ones at 0.
    /// </param>
    /// <param name="dtype">Float32 or Float64.</param>
    /// <param name="device">Where it computes.</param>
    internal TimesNetModule(TimesNetShape shape, Generator? generator, ScalarType dtype, Device device)
    {
        // Of the hourly time features, for which the published code makes a map even where it is given none.
        const int PublishedMarks = 4;
        shape.Check();
        Shape = shape;
        long c = shape.Channels, l = shape.WindowSize, t = shape.Steps, d = shape.Width, f = shape.HiddenWidth;

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _positions = Table("pos.table", shape.WindowSize);
        _tables = shape is { Marks: > 0, Embedding: TimeEmbedding.Fixed } ? [.. TimesNetShape.FixedTables.Select(table => Table($"time.{table.Name}.table", table.Rows))] : [];

        _blocks = new TimesBlock[shape.Layers];
        for (var i = 0; i < _blocks.Length; i++)
        {
            _blocks[i] = new(Inception($"block{i}.inception1", f, d), Inception($"block{i}.inception2", d, f));
        }
        Skip(d, c, 3);
        _valueWeight = Normal("token.weight", [d, c, 3], Math.Sqrt(2.0 / (3 * c)));
        if (shape is { Marks: > 0, Embedding: TimeEmbedding.Linear })
        {
            _timeWeight = Uniform("time.weight", [d, shape.Marks], shape.Marks);
        }
        else if (shape.Marks == 0)
        {
            Skip(d, PublishedMarks);
        }
        _normWeight = Parameter("layer_norm.weight", [d], x => x.fill_(TensorOps.One), drawn: false);
        _normBias = Parameter("layer_norm.bias", [d], null);
        if (shape.Horizon > 0)
        {
            _extensionWeight = Uniform("predict_linear.weight", [t, l], l);
            _extensionBias = Uniform("predict_linear.bias", [t], l);
        }
        var (outputs, inputs) = shape.Classes > 0 ? (shape.Classes, l * d) : (c, d);
        _headWeight = Uniform("projection.weight", [outputs, inputs], inputs);
        _headBias = Uniform("projection.bias", [outputs], inputs);

        Tensor Table(string name, int rows) => Constants.Add(name, PositionTable(rows, shape.Width).to(dtype, device), trainable: false);

        Tensor Parameter(string name, long[] size, Func<Tensor, Tensor>? start, bool drawn = true)
        {
            // Drawn in float32 whatever the precision, so that both start from the same values.
            var value = zeros(size, dtype: ScalarType.Float32, device: CPU);
            if (start is not null && (generator is not null || !drawn))
            {
                start(value);
            }
            return Parameters.Add(name, value.to(dtype, device));
        }

        Tensor Uniform(string name, long[] size, long fanIn) => Parameter(name, size, x => x.uniform_(-1 / Math.Sqrt(fanIn), 1 / Math.Sqrt(fanIn), generator));

        Tensor Normal(string name, long[] size, double deviation) => Parameter(name, size, x => x.normal_(0, deviation, generator));

        void Skip(params long[] size)
        {
            if (generator is not null)
            {
                empty(size, dtype: ScalarType.Float32, device: CPU).uniform_(0, 1, generator);
            }
        }

        Inception Inception(string name, long outChannels, long inChannels)
        {
            var weights = new Tensor[shape.Kernels];
            var biases = new Tensor[shape.Kernels];
            for (var j = 0; j < weights.Length; j++)
            {
                Skip(outChannels, inChannels, 2 * j + 1, 2 * j + 1);
                Skip(outChannels);
            }
            for (var j = 0; j < weights.Length; j++)
            {
                long size = 2 * j + 1;
                weights[j] = Normal($"{name}.k{j}.weight", [outChannels, inChannels, size, size], Math.Sqrt(2.0 / (outChannels * size * size)));
                biases[j] = Parameter($"{name}.k{j}.bias", [outChannels], null);
            }
            return new(weights, biases);
        }
    }

    internal TimesNetShape Shape { get; }

    /// <summary>The trained tensors.</summary>
    internal ParameterSet Parameters { get; } = new();

    /// <summary>The tables of positions and times.</summary>
    internal ParameterSet Constants { get; } = new();

    internal Device Device => _positions.device;

    public void Dispose()
    {
        Parameters.Dispose();
        Constants.Dispose();
    }

    /// <summary>Computes a forecast [B, H, C], a reconstruction [B, L, C] or logits [B, classes], as the shape says.</summary>
    /// <param name="x">The windows, [B, L, C].</param>
    /// <param name="marks">Their time features, [B, L, m]; null where the shape has none.</param>
    /// <param name="mask">
    /// Of a reconstruction [B, L, C], 0 where a value is missing and x is 0; of a classification [B, L], 0 where a step is padding; null = all are there.
    /// </param>
    /// <param name="periods">How to choose the periods.</param>
    /// <param name="random">Draws dropout; null = evaluation.</param>
    internal Tensor Forward(Tensor x, Tensor? marks, Tensor? mask, TimesNetPeriods periods, StepRandom? random)
        => Run(x, marks, mask, periods, random, Fuse(), Block);

    /// <summary>The same as the paper writes it: each period and each kernel by itself. What <see cref="Forward"/> is measured against.</summary>
    internal Tensor ForwardPlain(Tensor x, Tensor? marks, Tensor? mask, TimesNetPeriods periods, StepRandom? random = null)
        => Run(x, marks, mask, periods, random, null, (layer, z, _, selection) => BlockPlain(layer, z, selection));

    /// <summary>The same in evaluation, with kernels made before.</summary>
    internal Tensor Evaluate(Tensor x, Tensor? marks, Tensor? mask, TimesNetPeriods periods, FusedBlock[] kernels) => Run(x, marks, mask, periods, null, kernels, Block);

    /// <summary>Prepares the evaluation of many batches with the present weights.</summary>
    /// <param name="periods">How to choose the periods.</param>
    /// <returns>Windows, time features and mask to the result of <see cref="Forward"/>. It lives no longer than the open dispose scope.</returns>
    internal Func<Tensor, Tensor?, Tensor?, Tensor> BeginEvaluation(TimesNetPeriods periods)
    {
        var kernels = Fuse();
        return (x, marks, mask) => Evaluate(x, marks, mask, periods, kernels);
    }

    /// <summary>
    /// Finds the frequencies of the mean spectrum of windows, layer by layer, each seen through the layers before it. Where scoring does not use them, they are kept for an export that may, and found in a few
    /// batches.
    /// </summary>
    /// <param name="periods">How periods are to be chosen.</param>
    /// <param name="windows">Batches of windows with their time features and masks, enumerated once for each layer; the tensors are made when asked for.</param>
    internal TimesNetPeriods Freeze(TimesNetPeriods periods, IEnumerable<(Tensor X, Tensor? Marks, Tensor? Mask)> windows)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var kernels = Fuse();
        var isForScoring = periods.Selection == PeriodSelection.Frozen;
        var frequencies = new List<int[]>();
        while (frequencies.Count < Shape.Layers)
        {
            var sums = new double[Shape.HighestFrequency + 1];
            var before = periods with { Selection = PeriodSelection.Frozen, Frequencies = frequencies };
            using var enumerator = windows.GetEnumerator();
            for (var number = 0; ; number++)
            {
                using var step = NewDisposeScope();
                if (!enumerator.MoveNext())
                {
                    break;
                }
                // The batches 0, 1, 2, 4, 8 … are few, and of all times.
                if (!isForScoring && number > 0 && !BitOperations.IsPow2(number))
                {
                    continue;
                }
                var (x, marks, mask) = enumerator.Current;
                var z = Input(x, marks, mask, null, out _, out _);
                for (var i = 0; i < frequencies.Count; i++)
                {
                    z = Normalize(Block(i, z, kernels, before));
                }
                var amplitudes = ToHost(Amplitudes(z));
                for (var i = 0; i < amplitudes.Length; i++)
                {
                    sums[i % sums.Length] += amplitudes[i];
                }
            }
            var chosen = new int[Shape.TopPeriods];
            PeriodFinder.Top(sums, chosen);
            frequencies.Add(chosen);
        }
        return periods with { Frequencies = frequencies };
    }

    // ---- The steps of the paper ----

    /// <summary>Section 2 of a forecast or reconstruction: x [B, L, C] to z, with the mean and the deviation [B, 1, C] as constants.</summary>
    internal static (Tensor Z, Tensor Mean, Tensor Deviation) NormalizeWindow(Tensor x, Tensor? mask)
    {
        using var noGrad = no_grad();
        if (mask is null)
        {
            var (variance, mean) = x.var_mean(1, unbiased: false, keepdim: true);
            var deviation = variance.Plus(VarianceEpsilon).sqrt();
            return (x.Minus(mean).DividedBy(deviation), mean, deviation);
        }
        // A channel without any value has the mean 0.
        var observed = mask.sum(1, keepdim: true).clamp_min(TensorOps.One);
        var maskedMean = x.Times(mask).sum(1, keepdim: true).DividedBy(observed);
        var centred = x.Minus(maskedMean).Times(mask);
        var maskedDeviation = centred.Times(centred).sum(1, keepdim: true).DividedBy(observed).Plus(VarianceEpsilon).sqrt();
        return (centred.DividedBy(maskedDeviation), maskedMean, maskedDeviation);
    }

    /// <summary>Section 3: x [B, L, C] and marks [B, L, m] to h [B, L, D].</summary>
    internal Tensor Embed(Tensor x, Tensor? marks, StepRandom? random)
    {
        // The circular convolution as one product: each step beside the one before it and the one after it.
        var taps = stack([x.roll(1, 1), x, x.roll(-1, 1)], -1).flatten(2);
        var weight = _valueWeight.flatten(1);
        if (_timeWeight is not null)
        {
            taps = cat([taps, Marks(marks)], 2);
            weight = cat([weight, _timeWeight], 1);
        }
        var h = functional.linear(taps, weight).Plus(_positions);
        for (var i = 0; i < _tables.Length; i++)
        {
            var rows = Marks(marks).select(2, i).to(ScalarType.Int64);
            h = h.Plus(_tables[i].index_select(0, rows.flatten()).view(rows.size(0), rows.size(1), Shape.Width));
        }
        return Dropout(h, random);
    }

    /// <summary>Section 4: h [B, L, D] to [B, T, D].</summary>
    internal Tensor Extend(Tensor h) => _extensionWeight is null ? h : functional.linear(h.transpose(1, 2), _extensionWeight, _extensionBias).transpose(1, 2);

    /// <summary>Section 5, steps 1 and 2: z [B, T, D] to the amplitudes [B, ⌊T/2⌋ + 1].</summary>
    internal static Tensor Amplitudes(Tensor z) => fft.rfft(z, dim: 1).abs().mean([2]);

    /// <summary>Section 5, step 5: the mixing weights [B, k] of the frequencies [B, k].</summary>
    internal static Tensor MixingWeights(Tensor amplitudes, int[] frequencies)
        => amplitudes.gather(1, Indices(frequencies, amplitudes).view(amplitudes.size(0), -1)).softmax(1);

    /// <summary>The frequencies of a layer, [B, k].</summary>
    internal int[] Frequencies(int layer, ReadOnlySpan<double> amplitudes, int rows, TimesNetPeriods periods)
        => periods is { Selection: PeriodSelection.Frozen, Frequencies: { } frozen }
            ? [.. Enumerable.Range(0, rows).SelectMany(_ => frozen[layer])]
            : PeriodFinder.Choose(amplitudes, rows, Shape.TopPeriods, periods.Selection);

    /// <summary>Section 6 with every kernel, and every frequency, by itself: z [B, T, D] to [B, T, D].</summary>
    internal Tensor BlockPlain(int layer, Tensor z, TimesNetPeriods periods)
    {
        if (periods.Selection != PeriodSelection.Batch && z.size(0) > 1)
        {
            return cat([.. Enumerable.Range(0, (int)z.size(0)).Select(row => BlockPlain(layer, z.narrow(0, row, 1), periods))], 0);
        }
        var amplitudes = Amplitudes(z);
        var frequencies = Frequencies(layer, ToHost(amplitudes), (int)z.size(0), periods);
        var weights = MixingWeights(amplitudes, frequencies);
        var results = new List<Tensor>();
        for (var i = 0; i < Shape.TopPeriods; i++)
        {
            var grid = Fold(z, Shape.Steps / frequencies[i]);
            grid = _blocks[layer].Second.Plain(functional.gelu(_blocks[layer].First.Plain(grid)));
            results.Add(Unfold(grid));
        }
        return z.Plus(stack(results, -1).Times(weights.unsqueeze(1).unsqueeze(1)).sum(-1));
    }

    // ---- The same with fewer operations ----

    /// <summary>
    /// Section 6: z [B, T, D] to [B, T, D]. Windows that share a period are folded together, equal periods merged with the sum of their weights, and each
    /// Inception block is one convolution.
    /// </summary>
    internal Tensor Block(int layer, Tensor z, IReadOnlyList<FusedBlock>? kernels, TimesNetPeriods periods)
    {
        var amplitudes = Amplitudes(z);
        var rows = (int)z.size(0);
        var host = ToHost(amplitudes);
        var frequencies = Frequencies(layer, host, rows, periods);
        var groups = PeriodFinder.Group(frequencies, host, rows, Shape.Steps, periods.SkipWeightBelow);
        var columns = groups.Select((group, i) => (group.Period, i)).ToDictionary(pair => pair.Period, pair => pair.i);
        // The weights of equal periods add up; those left out end in a column of their own.
        var places = frequencies.Select(f => columns.GetValueOrDefault(Shape.Steps / f, groups.Count)).ToArray();
        var weights = MixingWeights(amplitudes, frequencies);
        var merged = zeros(rows, groups.Count + 1, dtype: z.dtype, device: z.device).scatter_add(1, Indices(places, z).view(rows, -1), weights);
        var (first, second) = kernels![layer];
        var result = z;
        for (var i = 0; i < groups.Count; i++)
        {
            var weight = merged.select(1, i);
            var all = groups[i].Rows.Length == rows;
            var index = all ? null : tensor(groups[i].Rows, device: z.device);
            var grid = Fold(index is null ? z : z.index_select(0, index), groups[i].Period);
            var folded = Unfold(second.Apply(functional.gelu(first.Apply(grid))));
            folded = folded.Times((index is null ? weight : weight.index_select(0, index)).view(-1, 1, 1));
            result = index is null ? result.Plus(folded) : result.index_add(0, index, folded, TensorOps.One);
        }
        return result;
    }

    /// <summary>The kernels of each Inception block as one, for as long as the weights stay.</summary>
    internal FusedBlock[] Fuse() => [.. _blocks.Select(block => new FusedBlock(block.First.Fuse(), block.Second.Fuse()))];

    /// <summary>Its parts by name, for tests and for the export of weights.</summary>
    internal TimesBlock BlockOf(int layer) => _blocks[layer];

    private Tensor Run(Tensor x, Tensor? marks, Tensor? mask, TimesNetPeriods periods, StepRandom? random, FusedBlock[]? kernels,
        Func<int, Tensor, IReadOnlyList<FusedBlock>?, TimesNetPeriods, Tensor> block)
    {
        var z = Input(x, marks, mask, random, out var mean, out var deviation);
        for (var i = 0; i < Shape.Layers; i++)
        {
            z = Normalize(block(i, z, kernels, periods));
        }
        if (Shape.Classes > 0)
        {
            z = Dropout(functional.gelu(z), random);
            return functional.linear((mask is null ? z : z.Times(mask.unsqueeze(-1))).flatten(1), _headWeight, _headBias);
        }
        var steps = Shape.Horizon > 0 ? z.narrow(1, Shape.WindowSize, Shape.Horizon) : z;
        return functional.linear(steps, _headWeight, _headBias).Times(deviation!).Plus(mean!);
    }

    /// <summary>What the first layer sees, [B, T, D].</summary>
    private Tensor Input(Tensor x, Tensor? marks, Tensor? mask, StepRandom? random, out Tensor? mean, out Tensor? deviation)
    {
        (mean, deviation) = (null, null);
        if (Shape.Classes == 0)
        {
            (x, mean, deviation) = NormalizeWindow(x, mask);
        }
        return Extend(Embed(x, marks, random));
    }

    private Tensor Normalize(Tensor z) => functional.layer_norm(z, [Shape.Width], _normWeight, _normBias);

    private Tensor Marks(Tensor? marks) => marks ?? throw new ArgumentNullException(nameof(marks), $"The network takes {Shape.Marks} time features.");

    private Tensor Dropout(Tensor x, StepRandom? random) => random is null || Shape.Dropout == 0 ? x : random.Dropout(x, Shape.Dropout);

    /// <summary>z [B, T, D] to the grid [B, D, R, P], row by row in time, filled up with zeros. Its memory stays as it is: channels last.</summary>
    private static Tensor Fold(Tensor z, int period)
    {
        var steps = z.size(1);
        var rows = (steps + period - 1) / period;
        var padded = rows * period == steps ? z : functional.pad(z, [0, 0, 0, rows * period - steps]);
        return padded.reshape(z.size(0), rows, period, z.size(2)).permute(0, 3, 1, 2);
    }

    private Tensor Unfold(Tensor grid) => grid.permute(0, 2, 3, 1).reshape(grid.size(0), -1, Shape.Width).narrow(1, 0, Shape.Steps);

    internal static double[] ToHost(Tensor amplitudes)
    {
        using var scope = NewDisposeScope();
        var host = amplitudes.detach().to(ScalarType.Float64).cpu().contiguous();
        var values = MemoryMarshal.Cast<byte, double>(host.bytes).ToArray();
        GC.KeepAlive(host);
        return values;
    }

    private static Tensor Indices(int[] values, Tensor like) => tensor(Array.ConvertAll(values, value => (long)value), device: like.device);

    /// <summary>sin(t ω_i) at 2i and cos(t ω_i) at 2i + 1, ω_i = exp(-2i ln(10000)/D), in float32 as behind the published results.</summary>
    private static Tensor PositionTable(int rows, int width)
    {
        var exponents = Enumerable.Range(0, width / 2).Select(i => 2.0 * i * (float)(-Math.Log(10000) / width)).ToArray();
        var omega = ConstantTensor.Create(exponents, [1, width / 2], ScalarType.Float32, CPU).exp();
        var steps = ConstantTensor.Create([.. Enumerable.Range(0, rows).Select(t => (double)t)], [rows, 1], ScalarType.Float32, CPU);
        var angles = steps.Times(omega);
        return stack([angles.sin(), angles.cos()], -1).flatten(1);
    }
}

/// <summary>The two Inception blocks of a layer, D to F and F to D.</summary>
internal sealed record TimesBlock(Inception First, Inception Second);

/// <summary>The same as one convolution each.</summary>
internal readonly record struct FusedBlock(FusedInception First, FusedInception Second);

/// <summary>The mean of K square convolutions, of the sizes 1, 3, … 2K - 1.</summary>
/// <param name="Weights">[out, in, 2j + 1, 2j + 1].</param>
/// <param name="Biases">[out].</param>
internal sealed record Inception(IReadOnlyList<Tensor> Weights, IReadOnlyList<Tensor> Biases)
{
    internal Tensor Plain(Tensor grid)
        => stack(Weights.Select((weight, j) => functional.conv2d(grid, weight, Biases[j], padding: [j, j])), -1).mean([-1]);

    /// <summary>A kernel of size 2j + 1 equals one of size 2K - 1 with zeros around it.</summary>
    internal FusedInception Fuse()
    {
        var weight = Weights[0];
        var bias = Biases[0];
        for (var j = 1; j < Weights.Count; j++)
        {
            weight = functional.pad(weight, [1, 1, 1, 1]).Plus(Weights[j]);
            bias = bias.Plus(Biases[j]);
        }
        return new(weight.Times(1.0 / Weights.Count), bias.Times(1.0 / Weights.Count));
    }
}

/// <summary>An Inception block as one convolution.</summary>
/// <param name="Weight">[out, in, 2K - 1, 2K - 1].</param>
/// <param name="Bias">[out].</param>
internal sealed record FusedInception(Tensor Weight, Tensor Bias)
{
    internal Tensor Apply(Tensor grid)
    {
        var reach = Weight.size(2) / 2;
        // Beyond the size of the grid the kernel meets zeros only.
        var (r, c) = (Math.Min(reach, grid.size(2) - 1), Math.Min(reach, grid.size(3) - 1));
        var weight = Weight.narrow(2, reach - r, 2 * r + 1).narrow(3, reach - c, 2 * c + 1);
        return functional.conv2d(grid, weight, Bias, padding: [r, c]);
    }
}
