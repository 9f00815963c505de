using System.Numerics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>
/// The random numbers of one training step. They follow from the seed, the epoch and the step alone: a resumed training needs no state of a generator,
/// and the process-wide generator, from which other threads draw too, is never touched. Epoch 0 is for initial weights.
/// </summary>
internal sealed class StepRandom(int seed, int epoch, int step) : IDisposable
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private readonly ulong _seed = Derive(seed, epoch, step);
    private Generator? _generator;
    private ulong _masks;

    /// <summary>The generator of the step. TorchSharp makes generators for the CPU only: draw there and move the numbers to the device.</summary>
    internal Generator Generator => _generator ??= new Generator(_seed);

    /// <summary>Zeroes each element with the probability <paramref name="rate"/> and scales the others by 1/(1 - rate).</summary>
    internal Tensor Dropout(Tensor x, double rate)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rate);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rate, 1);
        if (rate == 0)
        {
            return x;
        }
        var mask = Mask(x.shape, rate, x.dtype == ScalarType.Float32 ? (float)(1 / (1 - rate)) : 1).to(x.dtype, x.device);
        return x.Times(x.dtype == ScalarType.Float32 ? mask : mask.mul_(TensorOps.Constant(1 / (1 - rate))));
    }

    /// <summary>Elements that are 0 with the probability <paramref name="rate"/>, below 1, and otherwise <paramref name="kept"/>: Single, on the CPU.</summary>
    internal Tensor Mask(long[] shape, double rate, float kept = 1)
    {
        // Drawing by libtorch, one number after the other, would take longer than the rest of a small step's element-wise work.
        var mask = empty(shape, dtype: ScalarType.Float32, device: CPU);
        FillMask(MemoryMarshal.Cast<byte, float>(mask.bytes), rate, kept);
        GC.KeepAlive(mask);
        return mask;
    }

    /// <summary>
    /// Writes <paramref name="kept"/> or, with the probability <paramref name="rate"/>, 0. Element i follows from half of the i/2-th number of a counter that
    /// SplitMix64 mixes, whatever the width of the machine's vectors.
    /// </summary>
    private void FillMask(Span<float> mask, double rate, float kept)
    {
        var start = Mix(_seed + ++_masks);
        var threshold = (uint)Math.Min(rate * 4294967296.0, uint.MaxValue);
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(mask);
        var counter = new Vector<ulong>(start) + Vector<ulong>.Indices * Golden;
        var advance = new Vector<ulong>(unchecked((ulong)Vector<ulong>.Count * Golden));
        var keptBits = Vector.AsVectorUInt32(new Vector<float>(kept));
        var limit = new Vector<uint>(threshold);
        for (var i = 0; i < vectors.Length; i++)
        {
            var bits = Vector.AsVectorUInt32(Scramble(counter));
            vectors[i] = Vector.AsVectorSingle(Vector.GreaterThanOrEqual(bits, limit) & keptBits);
            counter += advance;
        }
        for (var i = vectors.Length * Vector<float>.Count; i < mask.Length; i++)
        {
            var bits = Scramble(new Vector<ulong>(unchecked(start + (ulong)(i / 2) * Golden)))[0];
            mask[i] = (uint)(i % 2 == 0 ? bits : bits >> 32) >= threshold ? kept : 0;
        }
    }

    private static Vector<ulong> Scramble(Vector<ulong> z)
    {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EB;
        return z ^ (z >>> 31);
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

    /// <summary>The next number of a SplitMix64 sequence, and the state behind it.</summary>
    internal static ulong Next(ref ulong state)
    {
        var number = Mix(state);
        state += Golden;
        return number;
    }

    private static ulong Mix(ulong z)
    {
        z += Golden;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
