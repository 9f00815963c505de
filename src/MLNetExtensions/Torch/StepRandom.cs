using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>
/// The random numbers of one training step. They follow from the seed, the epoch and the step alone: a resumed training needs no state of a generator,
/// and the process-wide generator, from which other threads draw too, is never touched. Epoch 0 is for initial weights.
/// </summary>
internal sealed class StepRandom(int seed, int epoch, int step) : IDisposable
{
    private Generator? _generator;

    /// <summary>The generator of the step. TorchSharp makes generators for the CPU only: draw there and move the numbers to the device.</summary>
    internal Generator Generator => _generator ??= new Generator(Derive(seed, epoch, step));

    /// <summary>Zeroes each element with the probability <paramref name="rate"/> and scales the others by 1/(1 - rate).</summary>
    internal Tensor Dropout(Tensor x, double rate)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rate);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rate, 1);
        if (rate == 0)
        {
            return x;
        }
        var mask = empty_like(x, device: CPU, requires_grad: false).bernoulli_(1 - rate, Generator).mul_(TensorOps.Constant(1 / (1 - rate)));
        return x.Times(mask.to(x.device));
    }

    public void Dispose() => _generator?.Dispose();

    /// <summary>The numbers 0 … count - 1 in the order of an epoch.</summary>
    internal static int[] Permutation(int count, int seed, int epoch)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        new Random((int)Derive(seed, epoch, -1)).Shuffle(order);
        return order;
    }

    /// <summary>A seed from three numbers (SplitMix64, one round each): neighbours give unrelated ones.</summary>
    internal static ulong Derive(int seed, int epoch, int step)
        => Mix(Mix(Mix((ulong)seed) + (ulong)epoch) + (ulong)step);

    private static ulong Mix(ulong z)
    {
        z += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
