using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>A network that a user's factory made, and what is checked of it.</summary>
internal sealed class OwnModule : IDisposable
{
    private readonly TorchModuleContext _context;
    private readonly Device _device;

    private OwnModule(FactoryReference factory, nn.Module<Tensor, Tensor> network, TorchModuleContext context, Device device)
    {
        Factory = factory;
        Network = network;
        _context = context;
        _device = device;
    }

    internal FactoryReference Factory { get; }

    internal nn.Module<Tensor, Tensor> Network { get; }

    internal Device Device => _device;

    internal int InputSize => _context.InputSize;

    internal int OutputSize => _context.OutputSize;

    /// <summary>The parameters and buffers by name: all that a saved network is.</summary>
    internal IReadOnlyList<KeyValuePair<string, Tensor>> State => [.. Parameters(trained: true), .. Parameters(trained: false), .. Network.named_buffers().Select(item => KeyValuePair.Create(item.name, item.buffer))];

    internal IEnumerable<KeyValuePair<string, Tensor>> Parameters(bool trained)
        => Network.named_parameters().Where(item => item.parameter.requires_grad == trained).Select(item => KeyValuePair.Create(item.name, (Tensor)item.parameter));

    /// <summary>Makes a network in the way of the factory.</summary>
    /// <exception cref="InvalidOperationException">The factory is not there or fails, or its network cannot be trained and saved.</exception>
    internal static OwnModule Create(FactoryReference reference, int inputSize, int outputSize, StepRandom random, Device device)
    {
        var factory = reference.Create();
        var context = new TorchModuleContext(inputSize, outputSize) { Random = random };
        nn.Module<Tensor, Tensor> network;
        // Whatever modes the caller is in.
        using var notInference = inference_mode(false);
        using var gradients = enable_grad();
        // Layers leave temporary tensors behind.
        using var scope = NewDisposeScope();
        try
        {
            network = GlobalRandom.Keep(() => factory.Create(context));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new InvalidOperationException($"The module factory '{reference.Name}' failed to make a network from {inputSize} to {outputSize} values: {e.Message}", e);
        }
        finally
        {
            context.Random = null;
        }
        if (network is null)
        {
            throw new InvalidOperationException($"The module factory '{reference.Name}' made no network: it returned null.");
        }
        try
        {
            network.to(device);
            var module = new OwnModule(reference, network, context, device);
            foreach (var tensor in module.Tensors)
            {
                // The network outlives this scope and those of the caller.
                tensor.DetachFromDisposeScope();
            }
            foreach (var (name, tensor) in module.State)
            {
                if (!SafetensorsTypes.TryFind(tensor.dtype, out _, out _) || tensor.is_sparse)
                {
                    throw new InvalidOperationException($"The network of the module factory '{reference.Name}' cannot be saved: '{name}' holds {tensor.dtype}{(tensor.is_sparse ? ", sparse" : "")}.");
                }
            }
            return module;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Takes saved values.</summary>
    /// <exception cref="InvalidOperationException">The network has other tensors than were saved.</exception>
    internal void Load(IReadOnlyDictionary<string, Tensor> values)
    {
        var state = State;
        foreach (var (name, target) in state)
        {
            if (!values.TryGetValue(name, out var source))
            {
                throw Misfit($"'{name}' was not saved");
            }
            if (source.dtype != target.dtype || !source.shape.AsSpan().SequenceEqual(target.shape))
            {
                throw Misfit($"'{name}' is {Text(target)} and was saved as {Text(source)}");
            }
        }
        if (values.Count != state.Count)
        {
            throw Misfit($"it lacks the saved '{values.Keys.Except(state.Select(item => item.Key)).First()}'");
        }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, target) in state)
        {
            target.copy_(values[name]);
        }
    }

    internal void Train(bool on) => Network.train(on);

    /// <summary>
    /// The network's values for a batch, checked. Random numbers of the step in training, none in evaluation.
    /// </summary>
    /// <param name="input">[B, input size], wherever it is.</param>
    /// <param name="random">The random numbers; null = none.</param>
    /// <returns>[B, output size], on the device of the network.</returns>
    /// <exception cref="InvalidOperationException">The network failed, or gave something else.</exception>
    internal Tensor Forward(Tensor input, StepRandom? random = null)
    {
        if (random is not null)
        {
            _context.Random = random;
        }
        var rows = input.size(0);
        Tensor output;
        try
        {
            output = Network.call(input.to(_device));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new InvalidOperationException($"The network of the module factory '{Factory.Name}' failed on a batch of the shape [{rows}, {InputSize}]: {e.Message}", e);
        }
        finally
        {
            if (random is not null)
            {
                _context.Random = null;
            }
        }
        if (output is null || output.dtype != ScalarType.Float32 || output.dim() != 2 || output.size(0) != rows || output.size(1) != OutputSize)
        {
            throw new InvalidOperationException($"The network of the module factory '{Factory.Name}' gave {(output is null ? "null" : Text(output))} for a batch of the shape [{rows}, {InputSize}], expected Float32 [{rows}, {OutputSize}].");
        }
        GC.KeepAlive(Network);
        return output;
    }

    /// <summary>Network and sizes as text, for the fingerprint of a training.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Factory.Name} {Factory.Settings} {InputSize} {OutputSize} {string.Join(", ", State.Select(item => $"{item.Key} {Text(item.Value)}"))}");

    public void Dispose()
    {
        Tensor[] tensors = [.. Tensors];
        Network.Dispose();
        foreach (var tensor in tensors)
        {
            tensor.Dispose();
        }
    }

    private IEnumerable<Tensor> Tensors => Network.named_parameters().Select(item => (Tensor)item.parameter).Concat(Network.named_buffers(recurse: true, include_nonpersistent: true).Select(item => item.buffer));

    private InvalidOperationException Misfit(string what)
        => new($"The network that the module factory '{Factory.Name}' makes is not the one that was saved: {what}.");

    private static string Text(Tensor tensor) => $"{tensor.dtype} [{string.Join(", ", tensor.shape)}]";
}
