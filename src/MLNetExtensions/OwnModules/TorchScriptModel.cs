using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>A TorchScript program, ready to score.</summary>
internal sealed class TorchScriptModel : IDisposable
{
    private readonly jit.ScriptModule _script;
    private readonly Device _device;

    private TorchScriptModel(jit.ScriptModule script, Device device)
    {
        _script = script;
        _device = device;
    }

    /// <exception cref="FormatException">The file is damaged, or no TorchScript that this libtorch can run.</exception>
    internal static TorchScriptModel Load(byte[] file, Device device)
    {
        TorchScriptArchive.Check(file);
        jit.ScriptModule script;
        // TorchSharp makes handles of the parameters, which nobody needs: the program has its own.
        using var scope = NewDisposeScope();
        try
        {
            script = jit.load(file, device);
        }
        catch (ExternalException e)
        {
            throw new FormatException($"libtorch cannot load it: {e.Message}", e);
        }
        script.eval();
        return new(script, device);
    }

    /// <summary>Runs the method forward.</summary>
    /// <param name="inputs">Its arguments, each with one row per sample, wherever they are.</param>
    /// <param name="count">The number of tensors it must return.</param>
    /// <returns>What it returned, as Float32 on the CPU; each with the rows of the inputs.</returns>
    /// <exception cref="InvalidOperationException">It failed, or returned something else.</exception>
    internal IReadOnlyList<Tensor> Run(IReadOnlyList<Tensor> inputs, int count)
    {
        object? result;
        var what = $"inputs of the shapes {string.Join(", ", inputs.Select(Text))}";
        try
        {
            result = _script.forward([.. inputs.Select(input => (object)input.to(_device))]);
        }
        catch (ExternalException e)
        {
            throw new InvalidOperationException($"The TorchScript model failed on {what}: {e.Message}", e);
        }
        catch (ArgumentOutOfRangeException e)
        {
            // What TorchSharp makes of a dictionary or a text.
            throw new InvalidOperationException("The TorchScript model must return a tensor, or a tuple or list of tensors.", e);
        }
        GC.KeepAlive(_script);
        object?[] results = result switch
        {
            Tensor single => [single],
            Tensor[] list => list,
            ITuple tuple => [.. Enumerable.Range(0, tuple.Length).Select(i => tuple[i])],
            object?[] list => list,
            _ => [result],
        };
        if (results.FirstOrDefault(item => item is not Tensor) is var other && results.Any(item => item is not Tensor))
        {
            (other as IDisposable)?.Dispose();
            throw new InvalidOperationException($"The TorchScript model returned {other?.GetType().Name ?? "None"}, expected a tensor, or a tuple or list of tensors.");
        }
        if (results.Length != count)
        {
            throw new InvalidOperationException($"The TorchScript model returned {results.Length} tensors; {count} output columns are named.");
        }
        var rows = inputs[0].size(0);
        var outputs = results.Cast<Tensor>().ToArray();
        for (var i = 0; i < count; i++)
        {
            if (outputs[i].dim() == 0 || outputs[i].size(0) != rows || outputs[i].NumberOfElements == 0)
            {
                throw new InvalidOperationException($"The TorchScript model returned a tensor of the shape {Text(outputs[i])} as output {i} for {what}: the first dimension of each must be that of the batch, {rows}.");
            }
            if (outputs[i].dtype is ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64 || outputs[i].is_sparse)
            {
                throw new InvalidOperationException($"The TorchScript model returned {outputs[i].dtype}{(outputs[i].is_sparse ? ", sparse," : "")} as output {i}, expected real numbers.");
            }
            outputs[i] = outputs[i].to(ScalarType.Float32).cpu().contiguous();
        }
        return outputs;
    }

    /// <summary>Disposing a program does not free its tensors: each is replaced by an empty one before.</summary>
    public void Dispose()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var modules = _script.named_modules().Select(item => item.module).OfType<jit.ScriptModule>().Append(_script).ToList();
        foreach (var module in modules)
        {
            try
            {
                foreach (var (name, tensor) in module.named_attributes(recurse: false))
                {
                    if (name is not null && tensor is not null)
                    {
                        module.set_attribute(name, empty(0, dtype: tensor.dtype, device: CPU));
                    }
                }
            }
            catch (ExternalException)
            {
                // An attribute that cannot be set keeps its memory.
            }
        }
        modules.ForEach(module => module.Dispose());
    }

    private static string Text(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";
}
