using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>Rows as training examples: <c>input</c> and <c>target</c>, which lie on the device once; a batch gathers its rows there.</summary>
/// <param name="inputs">[rows, features].</param>
/// <param name="targets">One entry or row for each.</param>
/// <param name="rows">The rows that are the examples.</param>
internal sealed class RowSource(Tensor inputs, Tensor targets, int[] rows) : IBatchSource
{
    internal const string Input = "input";
    internal const string Target = "target";

    public int Count => rows.Length;

    public Batch Take(ReadOnlySpan<int> indices)
    {
        var taken = new long[indices.Length];
        for (var i = 0; i < taken.Length; i++)
        {
            taken[i] = rows[indices[i]];
        }
        var index = tensor(taken, device: inputs.device);
        return new Batch(indices.Length)
        {
            [Input] = inputs.index_select(0, index),
            [Target] = targets.index_select(0, index),
        };
    }
}
