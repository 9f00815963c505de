using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>What options.json says of a trained TimesNet.</summary>
internal sealed record SavedTimesNet(TimesNetShape Shape, PeriodSelection Periods, double SkipWeightBelow, IReadOnlyList<IReadOnlyList<int>>? Frequencies);

/// <summary>A trained TimesNet for scoring: its weights, the kernels of each block as one, and how it chooses periods. Threads may share it.</summary>
internal sealed class TimesNetNetwork : IDisposable
{
    // Small enough for the intermediate results of a block to stay in the cache.
    private const int WindowsAtOnce = 64;

    private readonly ParameterSet _fused = new();
    private readonly FusedBlock[] _kernels;

    /// <summary>Takes the module over.</summary>
    internal TimesNetNetwork(TimesNetModule module, TimesNetPeriods periods)
    {
        Module = module;
        Periods = periods;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _kernels = module.Fuse();
        for (var i = 0; i < _kernels.Length; i++)
        {
            Keep($"{i}.first", _kernels[i].First);
            Keep($"{i}.second", _kernels[i].Second);
        }

        void Keep(string name, FusedInception kernel)
        {
            _fused.Add(name + ".weight", kernel.Weight, trainable: false);
            _fused.Add(name + ".bias", kernel.Bias, trainable: false);
        }
    }

    internal TimesNetModule Module { get; }

    internal TimesNetPeriods Periods { get; }

    /// <summary>The kernels of each layer.</summary>
    internal IReadOnlyList<FusedBlock> Kernels => _kernels;

    internal SavedTimesNet Saved => new(Module.Shape, Periods.Selection, Periods.SkipWeightBelow, Periods.Frequencies);

    internal IReadOnlyList<KeyValuePair<string, Tensor>> Weights => Module.Parameters.Items;

    /// <summary>Scores windows; see <see cref="TimesNetModule.Forward"/>. The tensors may be on any device.</summary>
    /// <returns>The result on the CPU, contiguous; it leaves to the caller's dispose scope.</returns>
    internal Tensor Score(Tensor x, Tensor? marks = null, Tensor? mask = null)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var count = x.size(0);
        // A batch of the published kind is chosen for as a whole.
        var step = Periods.Selection == PeriodSelection.Batch ? count : WindowsAtOnce;
        var parts = new List<Tensor>();
        for (long start = 0; start < count; start += step)
        {
            using var part = NewDisposeScope();
            var size = Math.Min(step, count - start);
            Tensor? Part(Tensor? tensor) => tensor?.narrow(0, start, size).to(Module.Device);
            parts.Add(Module.Evaluate(Part(x)!, Part(marks), Part(mask), Periods, _kernels).cpu().contiguous().MoveToOuterDisposeScope());
        }
        return (parts.Count == 1 ? parts[0] : cat(parts, 0)).MoveToOuterDisposeScope();
    }

    /// <summary>Makes the network that a model file describes.</summary>
    /// <param name="saved">What options.json says.</param>
    /// <param name="weights">The tensors of the network, and no others.</param>
    /// <param name="device">Where it computes.</param>
    /// <exception cref="FormatException">They do not fit together.</exception>
    internal static TimesNetNetwork Load(SavedTimesNet saved, IReadOnlyDictionary<string, Tensor> weights, Device device)
    {
        Check(saved);
        var held = weights.Values.Sum(tensor => tensor.NumberOfElements);
        if (held != saved.Shape.ParameterCount)
        {
            throw new FormatException($"The weights hold {held} numbers, the network has {saved.Shape.ParameterCount}.");
        }
        using var scope = NewDisposeScope();
        var module = new TimesNetModule(saved.Shape, generator: null, ScalarType.Float32, device);
        try
        {
            module.Parameters.CopyFrom(weights);
            return new(module, new(saved.Periods, saved.SkipWeightBelow, saved.Frequencies));
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _fused.Dispose();
        Module.Dispose();
    }

    private static void Check(SavedTimesNet saved)
    {
        const int MostLayers = 1 << 10;
        const int MostKernels = 1 << 6;
        const int LargestWidth = 1 << 16;
        const int LargestSize = 1 << 20;
        var shape = saved.Shape;
        // Sizes are bounded so that their products are: no memory is asked for before these agree with the weights.
        int[] sizes = [shape.Channels, shape.WindowSize, shape.Horizon, shape.Classes, shape.Marks];
        if (sizes.Any(size => size > LargestSize) || shape.Width > LargestWidth || shape.HiddenWidth > LargestWidth || shape.Layers > MostLayers || shape.Kernels > MostKernels || !Enum.IsDefined(shape.Embedding))
        {
            throw new FormatException("The options describe no network.");
        }
        try
        {
            shape.Check();
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw new FormatException("The options describe no network.", e);
        }
        if (!Enum.IsDefined(saved.Periods) || saved.SkipWeightBelow is not (>= 0 and < 1) || saved.Periods == PeriodSelection.Frozen && saved.Frequencies is null
            || saved.Frequencies?.Count is { } layers && layers != shape.Layers
            || saved.Frequencies?.Any(layer => layer is null || layer.Count != shape.TopPeriods || layer.Distinct().Count() != layer.Count || layer.Any(f => f < 1 || f > shape.HighestFrequency)) == true)
        {
            throw new FormatException("The options describe no periods.");
        }
    }
}
