using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetExtensions;

/// <summary>
/// The new assignments of rows on the CPU, in one pass over the tables [B, K, N] and in place. Operations of libtorch would read and write each table several times, and
/// take the exponential twice.
/// </summary>
internal static class SoftmaxStep
{
    /// <summary>The numbers of a table that a thread works on at a time.</summary>
    private const int PartElements = 1 << 16;

    /// <summary>The rows whose numbers stay in the nearest cache.</summary>
    private const int Block = 256;

    /// <summary>Whether a table is one of this kind: in single precision, and small enough for a span.</summary>
    internal static bool CanRun(Tensor table)
        => table.device_type == DeviceType.CPU && table.dtype == ScalarType.Float32 && table.NumberOfElements * table.ElementSize <= int.MaxValue;

    /// <summary>Changes the assignments of the rows that are free.</summary>
    /// <param name="tables">What they are made of; contiguous, on the CPU.</param>
    /// <param name="moving">Which problems change.</param>
    /// <param name="pull">The weight of the neighbours in each problem.</param>
    /// <param name="stay">The weight of the assignments before in each problem.</param>
    /// <returns>The largest change of an assignment in each problem.</returns>
    internal static double[] Run(Tables tables, ReadOnlySpan<bool> moving, float[] pull, float[] stay)
    {
        var (problems, classes, rows) = ((int)tables.Logs.size(0), (int)tables.Logs.size(1), (int)tables.Logs.size(2));
        var length = Math.Max(1, PartElements / classes / Block) * Block;
        var changes = new double[problems];
        List<(int Problem, int From)> parts = [];
        for (var problem = 0; problem < problems; problem++)
        {
            for (var from = 0; moving[problem] && from < rows; from += length)
            {
                parts.Add((problem, from));
            }
        }
        var found = new double[parts.Count];
        // Each thread gets its parts in a few pieces, in case another program is in its way.
        var pieces = get_num_threads() is > 1 and var threads ? Math.Min(parts.Count, 4 * threads) : 1;
        if (pieces <= 1)
        {
            Some(0);
        }
        else
        {
            Parallel.For(0, pieces, new ParallelOptions { MaxDegreeOfParallelism = get_num_threads() }, Some);
        }
        for (var part = 0; part < parts.Count; part++)
        {
            changes[parts[part].Problem] = Math.Max(changes[parts[part].Problem], found[part]);
        }
        tables.KeepAlive();
        return changes;

        void Some(int piece)
        {
            Span<float> bases = Values(tables.Base), neighbors = Values(tables.Neighbors), logs = Values(tables.Logs), assignments = Values(tables.Assignments);
            var free = MemoryMarshal.Cast<byte, bool>(tables.Free.bytes);
            var room = new float[(2 * classes + 3) * Block];
            for (var part = (int)((long)parts.Count * piece / pieces); part < (int)((long)parts.Count * (piece + 1) / pieces); part++)
            {
                var (problem, from) = parts[part];
                var (start, size) = (problem * classes * rows, classes * rows);
                found[part] = Run(
                    bases.Slice(start, size), neighbors.Slice(start, size), logs.Slice(start, size), assignments.Slice(start, size), free.Slice(problem * rows, rows),
                    from, Math.Min(from + length, rows), pull[problem], stay[problem], room);
            }
        }

        static Span<float> Values(Tensor table) => MemoryMarshal.Cast<byte, float>(table.bytes);
    }

    private static float Run(
        ReadOnlySpan<float> bases, ReadOnlySpan<float> neighbors, Span<float> logs, Span<float> assignments, ReadOnlySpan<bool> free, int from, int to, float pull, float stay, Span<float> room)
    {
        var rows = free.Length;
        var classes = bases.Length / rows;
        var change = 0f;
        // Class by class within a block: a row at a time would read from more places than a processor can follow.
        for (var row = from; row < to; row += Block)
        {
            var count = Math.Min(Block, to - row);
            var own = free.Slice(row, count);
            if (!own.Contains(true))
            {
                continue;
            }
            Span<float> Room(Span<float> room, int number) => room.Slice(number * Block, count);
            Span<float> maximum = Room(room, 2 * classes), sum = Room(room, 2 * classes + 1), difference = Room(room, 2 * classes + 2);
            maximum.Fill(float.NegativeInfinity);
            sum.Clear();
            for (var k = 0; k < classes; k++)
            {
                var at = k * rows + row;
                var values = Room(room, k);
                TensorPrimitives.MultiplyAdd(neighbors.Slice(at, count), pull, bases.Slice(at, count), values);
                TensorPrimitives.MultiplyAdd(logs.Slice(at, count), stay, values, values);
                TensorPrimitives.Max(maximum, values, maximum);
            }
            for (var k = 0; k < classes; k++)
            {
                Span<float> values = Room(room, k), shares = Room(room, classes + k);
                TensorPrimitives.Subtract(values, maximum, values);
                TensorPrimitives.Exp(values, shares);
                TensorPrimitives.Add(sum, shares, sum);
            }
            var logOfSum = maximum;
            TensorPrimitives.Log(sum, logOfSum);
            TensorPrimitives.Reciprocal<float>(sum, sum);
            var all = !own.Contains(false);
            for (var k = 0; k < classes; k++)
            {
                var at = k * rows + row;
                Span<float> values = Room(room, k), shares = Room(room, classes + k);
                Span<float> log = logs.Slice(at, count), assignment = assignments.Slice(at, count);
                TensorPrimitives.Subtract(values, logOfSum, values);
                TensorPrimitives.Multiply(shares, sum, shares);
                if (!all)
                {
                    for (var i = 0; i < count; i++)
                    {
                        if (!own[i])
                        {
                            (values[i], shares[i]) = (log[i], assignment[i]);
                        }
                    }
                }
                TensorPrimitives.Subtract(shares, assignment, difference);
                change = Math.Max(change, Math.Abs(TensorPrimitives.MaxMagnitude<float>(difference)));
                values.CopyTo(log);
                shares.CopyTo(assignment);
            }
        }
        return change;
    }

    /// <summary>The tables of a step.</summary>
    /// <param name="Base">-a/(T + μ), [B, K, N].</param>
    /// <param name="Neighbors">W S, [B, K, N].</param>
    /// <param name="Logs">ln S, [B, K, N]; changed.</param>
    /// <param name="Assignments">S, [B, K, N]; changed.</param>
    /// <param name="Free">Which rows change, Bool [B, 1, N].</param>
    internal readonly record struct Tables(Tensor Base, Tensor Neighbors, Tensor Logs, Tensor Assignments, Tensor Free)
    {
        internal void KeepAlive()
        {
            foreach (var table in (Tensor[])[Base, Neighbors, Logs, Assignments, Free])
            {
                GC.KeepAlive(table);
            }
        }
    }
}
