using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>The named tensors of a network, in a fixed order. They belong to no dispose scope and live until the set is disposed.</summary>
internal sealed class ParameterSet : IDisposable
{
    private readonly List<KeyValuePair<string, Tensor>> _items = [];
    private readonly Dictionary<string, Tensor> _byName = [];

    /// <summary>The tensors in the order in which they were added.</summary>
    internal IReadOnlyList<KeyValuePair<string, Tensor>> Items => _items;

    internal Tensor this[string name] => _byName[name];

    /// <summary>Takes a tensor over: it leaves its dispose scope, and is trained if <paramref name="trainable"/>.</summary>
    internal Tensor Add(string name, Tensor value, bool trainable = true)
    {
        value.DetachFromDisposeScope();
        value.requires_grad_(trainable);
        _byName.Add(name, value);
        _items.Add(new(name, value));
        return value;
    }

    /// <summary>Copies the values of another set with the same names, types and shapes.</summary>
    /// <exception cref="FormatException">A name is missing or too much, or a type or shape differs.</exception>
    internal void CopyFrom(IReadOnlyDictionary<string, Tensor> values) => Copy(values, _items);

    /// <summary>Copies values into tensors with the same names, types and shapes.</summary>
    /// <exception cref="FormatException">A name is missing or too much, or a type or shape differs.</exception>
    internal static void Copy(IReadOnlyDictionary<string, Tensor> values, IReadOnlyList<KeyValuePair<string, Tensor>> targets)
    {
        foreach (var (name, target) in targets)
        {
            if (!values.TryGetValue(name, out var source))
            {
                throw new FormatException($"The weights lack the tensor '{name}'.");
            }
            if (source.dtype != target.dtype || !source.shape.AsSpan().SequenceEqual(target.shape))
            {
                throw new FormatException($"The tensor '{name}' is {source.dtype} [{string.Join(", ", source.shape)}], expected {target.dtype} [{string.Join(", ", target.shape)}].");
            }
        }
        if (values.Count != targets.Count)
        {
            throw new FormatException($"The weights hold the unknown tensor '{values.Keys.Except(targets.Select(target => target.Key)).First()}'.");
        }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, target) in targets)
        {
            target.copy_(values[name]);
        }
    }

    /// <summary>Gives the tensors to the open dispose scope: they live no longer than it.</summary>
    internal void AttachToDisposeScope()
    {
        var scope = CurrentDisposeScope ?? throw new InvalidOperationException("No dispose scope is open.");
        foreach (var (_, tensor) in _items)
        {
            scope.Attach(tensor);
        }
    }

    public void Dispose()
    {
        foreach (var (_, tensor) in _items)
        {
            tensor.grad?.Dispose();
            tensor.Dispose();
        }
        _items.Clear();
        _byName.Clear();
    }
}
