using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>
/// Makes a network of your own for the <c>TorchModule</c> trainers. A class that derives from it, marked with <see cref="TorchModuleFactoryAttribute"/>, is found
/// by that name when a saved model is loaded, in the assembly that held it. It needs a constructor without parameters; its public properties that can be read and set (sizes, rates:
/// whatever <c>System.Text.Json</c> writes) travel with the model.
/// </summary>
/// <example>
/// <code>
/// [TorchModuleFactory("perceptron")]
/// public sealed class Perceptron : TorchModuleFactory
/// {
///     public int Width { get; set; } = 64;
///
///     public override nn.Module&lt;Tensor, Tensor&gt; Create(TorchModuleContext context)
///         => context.Initialize(nn.Sequential(
///             nn.Linear(context.InputSize, Width), nn.ReLU(), context.Dropout(0.1), nn.Linear(Width, context.OutputSize)));
/// }
/// </code>
/// </example>
public abstract class TorchModuleFactory
{
    /// <summary>
    /// Makes the network: from [batch, <see cref="TorchModuleContext.InputSize"/>] to [batch, <see cref="TorchModuleContext.OutputSize"/>], both Float32. Called for each
    /// training, and for each model that is loaded; the same settings must give the same parameters by name, shape and type. Each row of a batch must be scored by itself in
    /// evaluation. Tensors that the network keeps must be registered, as parameters or buffers (fields are, by <c>RegisterComponents</c>): all others are disposed when this method
    /// has returned.
    /// </summary>
    /// <param name="context">The sizes, and what random numbers to use.</param>
    /// <returns>The network, on the CPU. It belongs to the trained model, which disposes it.</returns>
    public abstract nn.Module<Tensor, Tensor> Create(TorchModuleContext context);
}

/// <summary>Gives a <see cref="TorchModuleFactory"/> the name by which saved models find it. The name must be unique in its assembly and never change once models were saved.</summary>
/// <param name="name">The name.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class TorchModuleFactoryAttribute(string name) : Attribute
{
    /// <summary>The name of the factory.</summary>
    public string Name { get; } = name;
}
